use super::Billing;
use crate::records::{OrgId, OrgSlug};

/// An organisation, which owns packs and API keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// Its short name, unique, in image references and in the tenant's host.
    pub slug: OrgSlug,
    /// Whether it may create anything.
    pub billing: Billing,
}
