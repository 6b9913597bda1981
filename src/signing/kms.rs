use std::sync::Arc;

use attestation::PublicKey;
use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use pack_format::Digest;
use tokio::sync::OnceCell;

use super::Error;

/// An ECDSA P-256 key in KMS.
#[derive(Debug, Clone)]
pub(super) struct KmsKey {
    client: Client,
    /// The key's id, ARN or alias.
    id: String,
    found: Arc<OnceCell<Found>>,
}

/// The response to `GetPublicKey`.
#[derive(Debug)]
struct Found {
    /// Signatures are requested with this ARN, so that `public_key` verifies them even if an alias later points to
    /// another key.
    arn: String,
    public_key: PublicKey,
}

impl KmsKey {
    pub(super) fn new(client: Client, id: String) -> Self {
        Self { client, id, found: Arc::default() }
    }

    pub(super) async fn public_key(&self) -> Result<PublicKey, Error> {
        Ok(self.found().await?.public_key.clone())
    }

    /// Signs a message and returns the signature in ASN.1 DER form. KMS receives only the message's digest, because it
    /// accepts messages of at most 4,096 bytes.
    pub(super) async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = "Sign";
        let digest = Blob::new(*Digest::sha256(message).as_bytes());
        let sign = self.client.sign().key_id(&self.found().await?.arn).message(digest);
        let sign = sign.message_type(MessageType::Digest).signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let output = sign.send().await.map_err(Error::kms(failed))?;
        let signature = output.signature.ok_or("the response has no signature").map_err(Error::kms(failed))?;
        Ok(signature.into_inner())
    }

    async fn found(&self) -> Result<&Found, Error> {
        let failed = "GetPublicKey";
        let get = async || {
            let output = self.client.get_public_key().key_id(&self.id).send().await.map_err(Error::kms(failed))?;
            let (Some(arn), Some(der)) = (output.key_id, output.public_key) else {
                return Err(Error::kms(failed)("the response has no key"));
            };
            Ok(Found { arn, public_key: PublicKey::from_der(der.into_inner())? })
        };
        self.found.get_or_try_init(get).await
    }
}
