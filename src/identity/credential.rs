use std::str::FromStr;

use super::{KeySecret, SessionToken};

/// What a client shows to prove who it is, told apart by its prefix.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key, `sk_…`.
    ApiKey(KeySecret),
    /// A session's JWT, `eyJ…`.
    Session(SessionToken),
}

/// The text has not the form of any credential.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a credential")]
pub struct InvalidCredential;

impl Credential {
    /// Whether a text looks like a credential, good or not: what must never stand in a URL, since URLs reach logs.
    pub fn is_likely(text: &str) -> bool {
        text.starts_with("sk_") || text.starts_with(SessionToken::PREFIX)
    }
}

impl FromStr for Credential {
    type Err = InvalidCredential;

    fn from_str(text: &str) -> Result<Self, InvalidCredential> {
        if text.starts_with(SessionToken::PREFIX) {
            return text.parse().map(Self::Session);
        }
        text.parse().map(Self::ApiKey).map_err(|_| InvalidCredential)
    }
}
