use std::str::FromStr;

use super::{InvalidKeySecret, KeySecret};

/// What a client shows to prove who it is, told apart by its prefix.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key, `sk_…`.
    ApiKey(KeySecret),
}

impl Credential {
    /// Whether a text looks like a credential, good or not: what must never stand in a URL, since URLs reach logs.
    pub fn is_likely(text: &str) -> bool {
        text.starts_with("sk_") || text.starts_with("eyJ")
    }
}

impl FromStr for Credential {
    type Err = InvalidKeySecret;

    fn from_str(text: &str) -> Result<Self, InvalidKeySecret> {
        text.parse().map(Self::ApiKey)
    }
}
