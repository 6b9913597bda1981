use serde::{Deserialize, Serialize};

use super::{Key, Table, item};
use crate::{
    aws::Error,
    identity::{Billing, Directory as _, Org},
    records::{OrgId, OrgSlug},
};

/// The attributes of a slug claim.
#[derive(Serialize, Deserialize)]
struct SlugItem {
    org_id: OrgId,
}

impl Table {
    /// Creates an org. Returns false if its slug or id is taken.
    pub async fn create_org(&self, org: &Org) -> Result<bool, Error> {
        let slug = item::write(Key::slug(&org.slug), SlugItem { org_id: org.id })?;
        let org = item::write(Key::org(org.id), org)?;
        self.transact(vec![self.put_new(slug)?, self.put_new(org)?]).await
    }

    pub async fn org_by_slug(&self, slug: &OrgSlug) -> Result<Option<Org>, Error> {
        let Some(SlugItem { org_id }) = self.get(Key::slug(slug)).await? else { return Ok(None) };
        self.org(org_id).await
    }

    /// Sets an org's billing posture. Returns false if the org does not exist.
    pub async fn set_billing(&self, org: OrgId, billing: Billing) -> Result<bool, Error> {
        let attributes = item::attributes(billing)?;
        let expression = match billing {
            Billing::Trial { .. } => "SET billing = :billing, trial_ends_at = :trial_ends_at",
            Billing::Active | Billing::PastDue | Billing::Decommissioning => {
                "SET billing = :billing REMOVE trial_ends_at"
            }
        };
        let mut update = self.update(Key::org(org), expression).condition_expression("attribute_exists(pk)");
        for (name, value) in attributes {
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        super::applied(update).await
    }
}
