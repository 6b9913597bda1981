use std::{fmt, str::FromStr};

/// The id of a pack, such as `pack_01JACME0000000000000000000`.
#[derive(Debug, Clone)]
pub struct PackId(String);

#[derive(Debug, thiserror::Error)]
#[error("must be `pack_` followed by 26 letters and digits")]
pub struct InvalidPackId;

impl FromStr for PackId {
    type Err = InvalidPackId;

    fn from_str(text: &str) -> Result<Self, InvalidPackId> {
        let ulid = text.strip_prefix("pack_").ok_or(InvalidPackId)?;
        let is_valid = ulid.len() == 26 && ulid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidPackId) }
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
