use std::{fmt, str::FromStr};

use crate::records::OrgSlug;

/// The domain under which each org has its own host, `<slug>.<base domain>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseDomain(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be a domain without a scheme or port, such as `packs.example.com`")]
pub struct InvalidBaseDomain;

impl BaseDomain {
    pub fn host(&self, slug: &OrgSlug) -> String {
        format!("{slug}.{self}")
    }
}

impl FromStr for BaseDomain {
    type Err = InvalidBaseDomain;

    fn from_str(text: &str) -> Result<Self, InvalidBaseDomain> {
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if text.split('.').all(is_label) { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidBaseDomain) }
    }
}

impl fmt::Display for BaseDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
