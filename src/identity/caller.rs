use serde::{Deserialize, Serialize};

use super::{Billing, OrgLimits, Permission};
use crate::records::{OrgId, OrgSlug, Timestamp};

/// An organization, which owns packs and API keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    #[serde(rename = "org_id")]
    pub id: OrgId,
    /// The unique short name, used in image references and in the org's host name.
    pub slug: OrgSlug,
    #[serde(flatten)]
    pub billing: Billing,
    /// The org's own values for limits, which replace the configured values.
    #[serde(flatten, with = "limit_attributes")]
    pub limits: OrgLimits,
}

serde_with::with_prefix!(limit_attributes crate::identity::Org::LIMIT_PREFIX);

impl Org {
    /// The prefix of the attributes with an org's own limits, such as `limit_uploads_per_minute`.
    pub const LIMIT_PREFIX: &str = "limit_";
}

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    pub org: Org,
    pub permissions: Vec<Permission>,
    /// Identifies the credential in logs and records without revealing it: `key:` and the first digits of the key's
    /// hash, or `session:` and the token's subject.
    pub credential_id: String,
}

/// Why a caller is not allowed to upload or change packs.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Denied {
    #[error("the credential lacks the permission {0}")]
    MissingPermission(Permission),
    #[error("the org's billing does not permit uploads")]
    BillingInactive,
}

impl Caller {
    /// Checks that the caller has permission to change packs. The org's billing does not matter.
    pub fn check_may_change(&self) -> Result<(), Denied> {
        let permission = Permission::CapsWrite;
        if self.permissions.contains(&permission) { Ok(()) } else { Err(Denied::MissingPermission(permission)) }
    }

    /// Checks that the caller has permission to upload packs, and then that the org's billing permits uploads at `now`.
    pub fn check_may_upload(&self, now: Timestamp) -> Result<(), Denied> {
        self.check_may_change()?;
        if self.org.billing.may_create(now) { Ok(()) } else { Err(Denied::BillingInactive) }
    }
}
