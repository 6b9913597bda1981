//! Text that people wrote and people will read.

use std::{
    fmt,
    io::{self, Read},
};

/// How many lines a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// One: no line breaks, no tabs.
    One,
    /// Any number.
    Many,
}

/// Why a text is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidText {
    /// There is nothing to read in it.
    #[error("must not be blank")]
    Blank,
    /// It has more characters than it may.
    #[error("has {length} characters; at most {max} are allowed")]
    TooLong { length: usize, max: usize },
    /// It spans lines and may not.
    #[error("must be one line, without line breaks and tabs")]
    SpansLines,
    /// It holds a character that is not seen, or that changes how others are seen.
    #[error("holds {}; control characters and bidirectional controls are not allowed", code_point(*.0))]
    Control(char),
}

/// Everything that is wrong with a text of at most `max` characters, each different forbidden character once.
pub(super) fn faults(text: &str, lines: Lines, max: usize) -> Vec<InvalidText> {
    let mut faults = Vec::new();
    if text.trim().is_empty() {
        faults.push(InvalidText::Blank);
    }
    let length = text.chars().count();
    if length > max {
        faults.push(InvalidText::TooLong { length, max });
    }
    for char in text.chars() {
        let fault = match char {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' if lines == Lines::Many => continue,
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => InvalidText::SpansLines,
            _ if char.is_control() || is_bidirectional_control(char) => InvalidText::Control(char),
            _ => continue,
        };
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    faults
}

/// Unicode's `Bidi_Control` characters, which make text look other than it is (CVE-2021-42574).
pub(super) fn is_bidirectional_control(char: char) -> bool {
    matches!(char, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether the character is not seen, or changes how others are seen: a control character, or a space or line break that
/// is none of ASCII's.
pub(super) fn is_invisible(char: char) -> bool {
    char.is_control() || is_bidirectional_control(char) || (char.is_whitespace() && char != ' ')
}

/// A character by its number: `U+202E`.
pub(super) fn code_point(char: char) -> impl fmt::Display {
    format!("U+{:04X}", u32::from(char))
}

/// A file's content as text, or where it stops being UTF-8.
pub(super) fn utf8(content: &[u8]) -> Result<&str, NotUtf8> {
    str::from_utf8(content).map_err(|error| {
        let (text, rest) = content.split_at(error.valid_up_to());
        NotUtf8 { line: line_breaks(text) + 1, byte: rest[0] }
    })
}

/// Where the content of a file, be it as long as it may, stops being UTF-8.
pub(super) fn find_not_utf8(mut content: impl Read) -> io::Result<Option<NotUtf8>> {
    let mut line = 1;
    let mut piece = vec![0; 8 << 10];
    // The first bytes of a character whose others are in the next piece.
    let mut held = 0;
    loop {
        let read = content.read(&mut piece[held..])?;
        let end = held + read;
        let error = str::from_utf8(&piece[..end]).err();
        let valid = error.map_or(end, |error| error.valid_up_to());
        line += line_breaks(&piece[..valid]);
        match error {
            Some(error) if read == 0 || error.error_len().is_some() => {
                return Ok(Some(NotUtf8 { line, byte: piece[valid] }));
            }
            None if read == 0 => return Ok(None),
            _ => {
                piece.copy_within(valid..end, 0);
                held = end - valid;
            }
        }
    }
}

fn line_breaks(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte == b'\n').count()
}

/// A file that should be text is not UTF-8.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: holds the byte 0x{byte:02X}, which is not UTF-8 there: save the file as UTF-8")]
pub(super) struct NotUtf8 {
    line: usize,
    byte: u8,
}

/// The one of `words` that a misspelt word was most likely meant to be.
pub(super) fn nearest<'a>(misspelt: &str, words: &[&'a str]) -> Option<&'a str> {
    const MAX_LENGTH: usize = 64;
    if misspelt.len() > MAX_LENGTH {
        return None;
    }
    let misspelt = misspelt.to_lowercase();
    let distance = |word: &&str| strsim::damerau_levenshtein(&misspelt, &word.to_lowercase());
    let word = words.iter().copied().min_by_key(distance)?;
    // A third of a word may be wrong, at least one letter of it.
    (distance(&word) <= (word.len() / 3).max(1)).then_some(word)
}
