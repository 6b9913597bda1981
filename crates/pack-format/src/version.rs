use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest version, in characters: an OCI tag's length (OCI distribution spec, "Pulling manifests").
const MAX_LENGTH: usize = 128;

/// A pack's version: Semantic Versioning 2.0, at most 128 characters, each of its three numbers at most 2^64 − 1.
///
/// Deserializing checks nothing: stored versions were checked when they were accepted, by the rule of their time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(String);

/// Why a text is not a version.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidVersion {
    /// It has more than 128 characters.
    #[error("has {0} characters; at most {MAX_LENGTH} are allowed")]
    TooLong(usize),
    /// It is not a version by semver.org, version 2.0.0.
    #[error("is not a semantic version such as `1.2.3` or `1.2.3-beta.1`: {0}")]
    Malformed(String),
}

impl Version {
    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The image tag of this version: `+`, which a tag may not hold, becomes `_`, which a version may not.
    pub fn tag(&self) -> String {
        self.0.replace('+', "_")
    }

    /// What was most likely meant by a text that is not a version: `v1.2` means `1.2.0`.
    pub(super) fn nearest(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches(['v', 'V', '=']);
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
