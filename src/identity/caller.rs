use serde::{Deserialize, Serialize};

use super::{Billing, Scope};
use crate::records::{OrgId, OrgSlug, Timestamp};

/// An organisation, which owns packs and API keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    #[serde(rename = "org_id")]
    pub id: OrgId,
    /// The unique short name in image references and in the tenant's host.
    pub slug: OrgSlug,
    #[serde(flatten)]
    pub billing: Billing,
}

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    pub org: Org,
    /// The credential's permissions.
    pub scopes: Vec<Scope>,
    /// The credential's name in logs, which is not secret: `key:` and the first digits of the key's hash, or `session:`
    /// and the token's subject.
    pub credential_id: String,
}

/// Why a caller may not upload.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UploadDenied {
    #[error("the credential lacks the scope {0}")]
    MissingScope(Scope),
    #[error("the org's billing does not permit uploads")]
    BillingInactive,
}

impl Caller {
    /// Checks that the caller's scopes, and then its org's billing, permit uploads at `now`.
    pub fn check_may_upload(&self, now: Timestamp) -> Result<(), UploadDenied> {
        if !self.scopes.contains(&Scope::CapsWrite) {
            return Err(UploadDenied::MissingScope(Scope::CapsWrite));
        }
        if self.org.billing.may_create(now) { Ok(()) } else { Err(UploadDenied::BillingInactive) }
    }
}
