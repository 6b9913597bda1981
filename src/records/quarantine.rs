use std::{fmt, str::FromStr};

use serde::Serialize;
use serde_with::{DeserializeFromStr, SerializeDisplay};

use super::PackId;

/// A version's quarantine. The version's owner sees both fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantine {
    /// The quarantined pack. `None` if it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack_id: Option<PackId>,
    #[serde(rename = "quarantine_reason")]
    pub reason: QuarantineReason,
}

/// Why an operator quarantined a version, in one line for the pack's owner.
#[derive(Debug, Clone, PartialEq, Eq, DeserializeFromStr, SerializeDisplay)]
pub struct QuarantineReason(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be one line of 1 to {} characters", QuarantineReason::MAX_LENGTH)]
pub struct InvalidReason;

impl QuarantineReason {
    pub const MAX_LENGTH: usize = 1_024;
}

impl FromStr for QuarantineReason {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Self, InvalidReason> {
        let is_valid =
            !text.trim().is_empty() && text.chars().count() <= Self::MAX_LENGTH && !text.chars().any(char::is_control);
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidReason) }
    }
}

impl fmt::Display for QuarantineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
