use std::{io, path::PathBuf};

use attestation::InvalidPublicKey;
use aws_sdk_kms::error::BoxError;

/// Why a key could not be read or a statement could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the signing key {path}")]
    File { path: PathBuf, source: io::Error },
    /// Has no source, because the parser's error may quote the key.
    #[error("the signing key {path} is not a PEM file with an ECDSA P-256 private key")]
    InvalidFile { path: PathBuf },
    #[error("the public key of the signing key cannot be used")]
    InvalidPublicKey(#[from] InvalidPublicKey),
    #[error("the key cannot sign")]
    Sign(#[source] aws_lc_rs::error::Unspecified),
    #[error("the KMS call {operation} failed")]
    Kms {
        /// The name of the API operation.
        operation: &'static str,
        source: BoxError,
    },
}

impl Error {
    /// Returns a closure for `map_err` that wraps an error in [`Error::Kms`].
    pub(super) fn kms<E: Into<BoxError>>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Kms { operation, source: source.into() }
    }
}
