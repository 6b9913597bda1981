//! Validates the encoding, length and characters of text, and suggests corrections for misspelled words.
//!
//! - [`mod@file`] validates a file while it is read.
//! - [`scanner`] finds forbidden characters, including those that are forbidden only in some contexts. [`forbidden`]
//!   explains them.
//! - [`property`] looks up a character's Unicode properties, and [`name`] its name.

mod file;
mod forbidden;
mod name;
mod property;
mod scanner;

pub(super) use self::{
    file::{check_file, utf8},
    forbidden::{Characters, CodePoint, Forbidden, remove},
    property::{is_ignorable, is_invisible},
    scanner::scan,
};

/// Whether text may have several lines.
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
}

/// Returns the problems with `text`: it is blank, longer than `max` characters, or not in `form`. Does not look for
/// forbidden characters; [`scan`] does.
pub(super) fn check(text: &str, form: TextForm, max: usize) -> Vec<InvalidText> {
    let mut problems = Vec::new();
    if text.trim().is_empty() {
        problems.push(InvalidText::Blank);
    }
    let length = text.chars().count();
    if length > max {
        problems.push(InvalidText::TooLong { length, max });
    }
    if form == TextForm::SingleLine && text.contains(is_line_break_or_tab) {
        problems.push(InvalidText::SpansLines);
    }
    problems
}

/// Returns whether the character is allowed only in [`TextForm::MultiLine`] text.
pub(super) fn is_line_break_or_tab(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}')
}

/// Returns the word that the author probably meant, or `None` if no word is similar enough to `misspelled`.
pub(super) fn nearest<'a>(misspelled: &str, words: &[&'a str]) -> Option<&'a str> {
    const MAX_LENGTH: usize = 64;
    if misspelled.len() > MAX_LENGTH {
        return None;
    }
    let misspelled = misspelled.to_lowercase();
    let distance = |word: &&str| strsim::damerau_levenshtein(&misspelled, &word.to_lowercase());
    let word = words.iter().copied().min_by_key(distance)?;
    // Allow one wrong letter in three, and always at least one.
    (distance(&word) <= (word.len() / 3).max(1)).then_some(word)
}
