use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use sha2::{Digest as _, Sha256};

use super::KeyTemplate;
use crate::records::{OrgId, Timestamp};

/// An API key as the table stores it, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    #[serde(rename = "key_hash")]
    pub hash: KeyHash,
    pub template: KeyTemplate,
    pub created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// An API key's secret: `sk_`, the ULID of its org, `_`, and 32 random bytes in base64url without padding (RFC 4648,
/// section 5). It contains the org's id so that the key and the org can be read in one round trip.
#[derive(Debug, Clone)]
pub struct KeySecret {
    org_id: OrgId,
    text: SecretString,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an API key")]
pub struct InvalidKeySecret;

impl KeySecret {
    pub fn new(org_id: OrgId, random: [u8; 32]) -> Self {
        let org = org_id.to_string();
        let ulid = org.trim_start_matches("org_");
        Self { org_id, text: format!("sk_{ulid}_{}", URL_SAFE_NO_PAD.encode(random)).into() }
    }

    pub fn org_id(&self) -> OrgId {
        self.org_id
    }

    /// Returns the hash that identifies the key in the table.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.reveal()).into())
    }

    /// Returns the secret in plain text. The operator sees it only once, when `admin` creates the key.
    pub fn reveal(&self) -> &str {
        self.text.expose_secret()
    }
}

impl FromStr for KeySecret {
    type Err = InvalidKeySecret;

    fn from_str(text: &str) -> Result<Self, InvalidKeySecret> {
        let (ulid, random) = text.strip_prefix("sk_").and_then(|rest| rest.split_once('_')).ok_or(InvalidKeySecret)?;
        let org_id = format!("org_{ulid}").parse().map_err(|_| InvalidKeySecret)?;
        let random: [u8; 32] =
            URL_SAFE_NO_PAD.decode(random).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(InvalidKeySecret)?;
        Ok(Self::new(org_id, random))
    }
}

/// The SHA-256 of an API key's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, DeserializeFromStr, SerializeDisplay)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Returns the first 12 hexadecimal digits, which identify a key in logs and on the operator's command line.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for KeyHash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash)?;
        Ok(Self(hash))
    }
}
