use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The maximum length, in characters. A DNS label has the same maximum (RFC 1035, section 2.3.4).
const MAX_LENGTH: usize = 63;

/// A pack's name: `[a-z][a-z0-9]*(-[a-z0-9]+)*`, at most 63 characters. It can be a path component in an image
/// reference and in the agent's file system.
///
/// Deserialization does not validate the name. A stored name was valid when the pack was accepted, and it must remain
/// readable if the rule changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackName(String);

/// Why a string is not a [`PackName`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidName {
    #[error("must not be empty")]
    Empty,
    /// Contains the number of characters.
    #[error("has {0} characters; at most {MAX_LENGTH} are allowed")]
    TooLong(usize),
    /// The string does not match `[a-z][a-z0-9]*(-[a-z0-9]+)*`.
    #[error(
        "must start with a lower-case letter and contain only lower-case letters, digits and single hyphens between them"
    )]
    Malformed,
}

impl PackName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the valid name that the author probably meant, such as `my-pack` for `My_Pack` or `my-pack@1.0.0`, or
    /// `pack-7` for `7`.
    pub(super) fn nearest(text: &str) -> Option<Self> {
        // Ignore a version after the name: authors know this notation from package managers.
        let name = text.split(['@', ':', '=', '<', '>', '~', '^']).next().unwrap_or_default().to_ascii_lowercase();
        let words: Vec<&str> =
            name.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let name = words.join("-");
        let is_number = name.starts_with(|first: char| first.is_ascii_digit());
        if is_number { format!("pack-{name}") } else { name }.parse().ok()
    }
}

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
