//! Reads trusted public keys, and verifies bundles with them offline.

use std::{fs, path::PathBuf};

use attestation::{Bundle, InvalidBundle, InvalidStatement, PublicKey, Statement, signed_message};
use pack_format::{Digest, Quoted};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use crate::error::Error;

/// The public keys whose signatures are accepted.
#[derive(Debug)]
pub struct TrustedKeys(Vec<PublicKey>);

/// Why a bundle is not a valid attestation of an image.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    #[error("{0}")]
    Bundle(#[from] InvalidBundle),
    #[error("signed with the key {}, which is not one of the trusted keys", Quoted::new(.hint))]
    UnknownKey { hint: String },
    #[error("the signature does not match the content")]
    BadSignature,
    #[error("{0}")]
    Statement(#[from] InvalidStatement),
    #[error("the statement is about the image {found}, not about {expected}")]
    OtherImage { found: Digest, expected: Digest },
}

impl TrustedKeys {
    /// Reads PEM files with one public key each.
    pub fn from_files(paths: &[PathBuf]) -> Result<Self, Error> {
        let key = |path: &PathBuf| {
            let text = fs::read_to_string(path).map_err(Error::read(path))?;
            text.parse().map_err(|source| Error::InvalidKey { path: path.clone(), source })
        };
        paths.iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// Reads the response to `GET /v1/attestation-keys`.
    pub fn from_response(response: &Value) -> Result<Self, Error> {
        let keys = response["keys"].as_array().ok_or(Error::MissingField("keys"))?;
        let key = |key: &Value| key["pem"].as_str().and_then(|pem| pem.parse().ok()).ok_or(Error::MissingField("pem"));
        keys.iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// Verifies that one of the keys signed the bundle, and that the bundle is about the image with this digest.
    /// Returns the bundle's statement.
    pub fn verify(&self, bundle: &[u8], image: Digest) -> Result<Statement, Unverified> {
        let Bundle { hint, payload, signature } = Bundle::from_json(bundle)?;
        let Some(key) = self.0.iter().find(|key| key.hint() == hint) else {
            return Err(Unverified::UnknownKey { hint });
        };
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.point());
        key.verify(&signed_message(&payload), &signature).map_err(|_| Unverified::BadSignature)?;
        let statement = Statement::from_json(&payload)?;
        if statement.image_digest != image {
            return Err(Unverified::OtherImage { found: statement.image_digest, expected: image });
        }
        Ok(statement)
    }
}
