use std::str::FromStr;

use super::{KeySecret, SessionToken};

/// A client's credential. Its prefix determines the kind.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key, `sk_…`.
    ApiKey(KeySecret),
    /// A session's JWT, `eyJ…`.
    Session(SessionToken),
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a credential")]
pub struct InvalidCredential;

impl Credential {
    /// Returns whether `text` looks like a credential, valid or not. Requests with a credential in the query string are
    /// rejected, because URLs are logged.
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
