use std::{fs, path::PathBuf, sync::Arc};

use attestation::{Bundle, PublicKey, Statement, signed_message};
use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use bytes::Bytes;

use super::{Error, kms::KmsKey};
use crate::aws;

/// The location of the signing key, an ECDSA P-256 key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// A PEM file with a private key, in PKCS #8 or SEC 1 form.
    File(PathBuf),
    /// The id, ARN or alias of a KMS key.
    Kms(String),
}

/// A signer with one key, which is in memory or in KMS.
#[derive(Debug, Clone)]
pub struct Signer(Key);

#[derive(Debug, Clone)]
enum Key {
    File(Arc<EcdsaKeyPair>),
    Kms(KmsKey),
}

impl Signer {
    /// Reads the key if it is in a file. If it is in KMS, KMS is not called until the key is first used.
    ///
    /// # Errors
    /// Returns [`Error::File`] or [`Error::InvalidFile`] if the file cannot be used.
    pub fn new(settings: Settings, sdk: &aws_config::SdkConfig, timeouts: &aws::Timeouts) -> Result<Self, Error> {
        match settings {
            Settings::File(path) => {
                let text = fs::read_to_string(&path).map_err(|source| Error::File { path: path.clone(), source })?;
                Ok(Self(Key::File(Arc::new(key_pair(&text).ok_or(Error::InvalidFile { path })?))))
            }
            Settings::Kms(id) => Ok(Self(Key::Kms(KmsKey::new(aws::kms(sdk, timeouts), id)))),
        }
    }

    /// Returns the key that verifies this signer's bundles.
    pub async fn public_key(&self) -> Result<PublicKey, Error> {
        match &self.0 {
            Key::File(key) => {
                let der = key.public_key().as_der().map_err(Error::Sign)?;
                Ok(PublicKey::from_der(der.as_ref().to_vec())?)
            }
            Key::Kms(key) => key.public_key().await,
        }
    }

    /// Signs a statement, and returns a bundle of the statement and the signature, as JSON.
    pub async fn sign(&self, statement: &Statement) -> Result<Bytes, Error> {
        let payload = statement.to_json();
        let message = signed_message(&payload);
        let signature = match &self.0 {
            Key::File(key) => key.sign(&SystemRandom::new(), &message).map_err(Error::Sign)?.as_ref().to_vec(),
            Key::Kms(key) => key.sign(&message).await?,
        };
        Ok(Bundle::new(&self.public_key().await?, payload, signature).to_json().into())
    }
}

/// Parses the private key in a PEM file. Skips other blocks, because `openssl ecparam -genkey` writes the curve's
/// parameters before the key.
fn key_pair(text: &str) -> Option<EcdsaKeyPair> {
    let blocks = pem::parse_many(text).ok()?;
    let block = blocks.iter().find(|block| block.tag().ends_with("PRIVATE KEY"))?;
    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, block.contents()).ok()
}
