use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of each accepted origin secret. The proxy in front of API Gateway adds its origin secret to every
/// request, so that requests that bypass the proxy can be rejected. While the secret is being replaced, both the old
/// and the new one are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginSecrets(Vec<[u8; 32]>);

/// Does not contain the rejected text, because that may be the secret itself.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be the SHA-256 of each accepted secret, in hexadecimal, separated by commas")]
pub struct InvalidOriginSecrets;

impl OriginSecrets {
    /// Returns whether this secret is accepted. Compares hashes in constant time.
    pub fn accept(&self, secret: &[u8]) -> bool {
        let hash = Sha256::digest(secret);
        self.0.iter().any(|accepted| verify_slices_are_equal(accepted, &hash).is_ok())
    }
}

impl FromStr for OriginSecrets {
    type Err = InvalidOriginSecrets;

    fn from_str(text: &str) -> Result<Self, InvalidOriginSecrets> {
        let hash = |text: &str| {
            let mut hash = [0; 32];
            hex::decode_to_slice(text, &mut hash).map(|()| hash)
        };
        text.split(',').map(hash).collect::<Result<_, _>>().map(Self).map_err(|_| InvalidOriginSecrets)
    }
}
