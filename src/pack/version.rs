use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest version, in characters: an OCI tag's length (OCI distribution spec, "Pulling manifests").
const MAX_LENGTH: usize = 128;

/// A pack's version: Semantic Versioning 2.0, at most 128 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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

impl TryFrom<String> for Version {
    type Error = InvalidVersion;

    fn try_from(text: String) -> Result<Self, InvalidVersion> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
