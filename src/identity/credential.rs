use super::KeySecret;

/// What a client shows to prove who it is, told apart by its prefix.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key, `sk_…`.
    ApiKey(KeySecret),
}
