use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use sha2::{Digest as _, Sha256};

use super::Scope;
use crate::records::{OrgId, Timestamp};

/// The closed set of permission templates that an API key is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyTemplate {
    /// Everything.
    FullAccess,
    /// Everything but uploading packs.
    SubmitObserve,
    /// Looking only.
    ReadOnly,
}

impl KeyTemplate {
    /// Every template.
    pub const ALL: [Self; 3] = [Self::FullAccess, Self::SubmitObserve, Self::ReadOnly];

    /// The template's name, as the table and the command line have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullAccess => "full_access",
            Self::SubmitObserve => "submit_observe",
            Self::ReadOnly => "read_only",
        }
    }

    /// What a key of this template permits.
    pub fn scopes(self) -> &'static [Scope] {
        use Scope::{AuditRead, CapsWrite, TasksWrite, WorkspaceRead, WorkspaceWrite};
        match self {
            Self::FullAccess => &[CapsWrite, WorkspaceRead, WorkspaceWrite, TasksWrite, AuditRead],
            Self::SubmitObserve => &[WorkspaceRead, WorkspaceWrite, TasksWrite, AuditRead],
            Self::ReadOnly => &[WorkspaceRead, AuditRead],
        }
    }
}

/// An API key as the table holds it: everything but its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The SHA-256 of the secret.
    pub hash: KeyHash,
    /// What it permits.
    pub template: KeyTemplate,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// An API key's secret: `sk_`, the ULID of its org, `_`, and 32 random bytes in base64url without padding (RFC 4648,
/// section 5). It carries its org so that key and org are read in one round trip. Neither `Debug` nor `Display` shows
/// it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret {
    org_id: OrgId,
    text: String,
}

/// The text has not the form of an API key's secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an API key")]
pub struct InvalidKeySecret;

impl KeySecret {
    /// The secret of these random bytes for a key of this org.
    pub fn new(org_id: OrgId, random: [u8; 32]) -> Self {
        let org = org_id.to_string();
        let ulid = org.trim_start_matches("org_");
        Self { org_id, text: format!("sk_{ulid}_{}", URL_SAFE_NO_PAD.encode(random)) }
    }

    /// The org that the key belongs to.
    pub fn org_id(&self) -> OrgId {
        self.org_id
    }

    /// By which the table knows it.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(&self.text).into())
    }

    /// The secret itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.text
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

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySecret({}, …)", self.org_id)
    }
}

/// The SHA-256 of an API key's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, DeserializeFromStr, SerializeDisplay)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The first 12 digits, which name a key for people: in log lines and on the operator's command line.
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
