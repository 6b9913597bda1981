use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The maximum length, in characters. An image tag has the same maximum (OCI distribution spec, "Pulling manifests").
const MAX_LENGTH: usize = 128;

/// A pack's version: Semantic Versioning 2.0, at most 128 characters long. Each of the three numbers can be at most
/// 2^64 − 1.
///
/// Deserialization does not validate the version. A stored version was valid when the pack was accepted, and it must
/// remain readable if the rule changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(String);

/// Why a string is not a [`Version`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidVersion {
    /// Contains the number of characters.
    #[error("has {0} characters; at most {MAX_LENGTH} are allowed")]
    TooLong(usize),
    /// The string does not conform to Semantic Versioning 2.0. Contains the reason.
    #[error("is not a semantic version such as `1.2.3` or `1.2.3-beta.1` ({0})")]
    Malformed(String),
}

impl Version {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares two versions by precedence, which ignores build metadata (Semantic Versioning 2.0, section 11).
    pub fn precedence(&self, other: &Self) -> Ordering {
        // If the rule has changed, a stored version can be invalid. In that case, compare both as strings.
        match (semver::Version::parse(&self.0), semver::Version::parse(&other.0)) {
            (Ok(one), Ok(other)) => one.cmp_precedence(&other),
            _ => self.0.cmp(&other.0),
        }
    }

    /// Returns the image tag for this version, with `_` in place of `+`. A tag cannot contain `+`. A version cannot
    /// contain `_`, so different versions have different tags.
    pub fn tag(&self) -> String {
        self.0.replace('+', "_")
    }

    /// Returns the valid version that the author probably meant, such as `1.2.0` for `v1.2`.
    pub(super) fn nearest(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches(['v', 'V', '=']);
        let date = text.replace('-', ".");
        let text = if is_date(text) { &date } else { text };
        let (core, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
        let mut numbers: Vec<&str> = core.split('.').collect();
        for number in &mut numbers {
            let significant = number.trim_start_matches('0');
            if significant.len() < number.len() {
                *number = if significant.is_empty() { "0" } else { significant };
            }
        }
        numbers.resize(numbers.len().max(3), "0");
        format!("{}{rest}", numbers.join(".")).parse().ok()
    }
}

/// Returns whether `text` has the form of a date such as `2024-01-31`.
fn is_date(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [4, 2, 2] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let length = text.chars().count();
        if length > MAX_LENGTH {
            return Err(InvalidVersion::TooLong(length));
        }
        semver::Version::parse(text).map_err(|error| InvalidVersion::Malformed(error.to_string()))?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
