use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidName {
    /// It has no characters.
    #[error("must not be empty")]
    Empty,
    /// It has more than 63 characters.
    #[error("has {0} characters; at most {max} are allowed", max = MAX_LENGTH)]
    TooLong(usize),
    /// It does not match `[a-z][a-z0-9]*(-[a-z0-9]+)*`.
    #[error(
        "must start with a lower-case letter and hold only lower-case letters, digits and single hyphens between them"
    )]
    Malformed,
}

/// The longest name, in characters: a DNS label's length (RFC 1035, section 2.3.4).
const MAX_LENGTH: usize = 63;

fn check(text: &str) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    let length = text.chars().count();
    if length > MAX_LENGTH {
        return Err(InvalidName::TooLong(length));
    }
    let starts_with_letter = text.starts_with(|c: char| c.is_ascii_lowercase());
    let words = text
        .split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    if starts_with_letter && words { Ok(()) } else { Err(InvalidName::Malformed) }
}

/// A pack's name, `[a-z][a-z0-9]*(-[a-z0-9]+)*` and at most 63 characters, so that it is safe as a path component of an
/// image reference and of the agent's file system.
///
/// Deserializing checks nothing: stored names were checked when they were accepted, by the rule of their time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackName(String);

impl FromStr for PackName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        check(text).map(|()| Self(text.to_owned()))
    }
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PackName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What was most likely meant by a text that is not a name: `My_Pack` means `my-pack`.
    pub(super) fn nearest(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let words: Vec<&str> =
            lower.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        words.join("-").parse().ok()
    }
}
