//! Validates the encoding, length and characters of text, and suggests corrections for misspelt words.

use std::{
    fmt,
    io::{self, Read},
};

/// The form that a text may have: one line or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextForm {
    /// Line breaks and tabs are not allowed.
    SingleLine,
    /// Line breaks and tabs are allowed.
    MultiLine,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidText {
    #[error("must not be blank")]
    Blank,
    #[error("has {length} characters; at most {max} are allowed")]
    TooLong { length: usize, max: usize },
    #[error("must be a single line, without line breaks or tabs")]
    SpansLines,
    /// A control character or a bidirectional control.
    #[error("contains {}; control characters and bidirectional controls are not allowed", code_point(*.0))]
    Control(char),
}

/// Returns every problem with a text that may have at most `max` characters. Reports each forbidden character only
/// once.
pub(super) fn check(text: &str, form: TextForm, max: usize) -> Vec<InvalidText> {
    let mut problems = Vec::new();
    if text.trim().is_empty() {
        problems.push(InvalidText::Blank);
    }
    let length = text.chars().count();
    if length > max {
        problems.push(InvalidText::TooLong { length, max });
    }
    for problem in text.chars().filter_map(|char| check_character(char, form)) {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

/// Returns the problems with a text's characters. Unlike [`check`], accepts blank text and any length.
pub(super) fn check_characters(text: &str, form: TextForm) -> impl Iterator<Item = InvalidText> {
    check(text, form, usize::MAX).into_iter().filter(|problem| *problem != InvalidText::Blank)
}

fn check_character(char: char, form: TextForm) -> Option<InvalidText> {
    match char {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => {
            (form == TextForm::SingleLine).then_some(InvalidText::SpansLines)
        }
        _ if char.is_control() || is_bidirectional_control(char) => Some(InvalidText::Control(char)),
        _ => None,
    }
}

/// Returns whether the character has the Unicode property `Bidi_Control`. Such characters can change the order in which
/// text is displayed (CVE-2021-42574).
pub(super) fn is_bidirectional_control(char: char) -> bool {
    matches!(char, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether the character is a control character, a bidirectional control, or whitespace other than a space.
pub(super) fn is_invisible(char: char) -> bool {
    char.is_control() || is_bidirectional_control(char) || (char.is_whitespace() && char != ' ')
}

/// Returns a character's code point, such as `U+202E`.
pub(super) fn code_point(char: char) -> impl fmt::Display {
    format!("U+{:04X}", u32::from(char))
}

/// Returns a file's content as text, which must be UTF-8.
pub(super) fn utf8(content: &[u8]) -> Result<&str, NotUtf8> {
    str::from_utf8(content).map_err(|error| {
        let (text, rest) = content.split_at(error.valid_up_to());
        NotUtf8 { line: line_breaks(text) + 1, byte: rest[0] }
    })
}

/// Finds the first byte in a file that is not UTF-8. Memory use does not depend on the file's size.
pub(super) fn find_not_utf8(mut content: impl Read) -> io::Result<Option<NotUtf8>> {
    let mut line = 1;
    let mut chunk = vec![0; 8 << 10];
    // The number of bytes at the start of `chunk` that belong to a character that was cut off.
    let mut held = 0;
    loop {
        let read = content.read(&mut chunk[held..])?;
        let end = held + read;
        let error = str::from_utf8(&chunk[..end]).err();
        let valid = error.map_or(end, |error| error.valid_up_to());
        line += line_breaks(&chunk[..valid]);
        match error {
            Some(error) if read == 0 || error.error_len().is_some() => {
                return Ok(Some(NotUtf8 { line, byte: chunk[valid] }));
            }
            None if read == 0 => return Ok(None),
            _ => {
                chunk.copy_within(valid..end, 0);
                held = end - valid;
            }
        }
    }
}

fn line_breaks(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte == b'\n').count()
}

/// The first byte in a file that is not UTF-8, and its line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: contains the byte 0x{byte:02X}, which is not valid UTF-8 here; save the file as UTF-8")]
pub(super) struct NotUtf8 {
    line: usize,
    byte: u8,
}

/// Returns the word that the author of `misspelt` probably meant.
pub(super) fn nearest<'a>(misspelt: &str, words: &[&'a str]) -> Option<&'a str> {
    const MAX_LENGTH: usize = 64;
    if misspelt.len() > MAX_LENGTH {
        return None;
    }
    let misspelt = misspelt.to_lowercase();
    let distance = |word: &&str| strsim::damerau_levenshtein(&misspelt, &word.to_lowercase());
    let word = words.iter().copied().min_by_key(distance)?;
    // Up to a third of the letters may be wrong, and one letter in short words.
    (distance(&word) <= (word.len() / 3).max(1)).then_some(word)
}
