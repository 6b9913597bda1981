use serde::{Deserialize, Serialize};

use super::{Key, Table, item};
use crate::{
    aws::Error,
    identity::{Billing, Directory as _, Org},
    records::{OrgId, OrgSlug, Timestamp},
};

/// The slug claim.
#[derive(Serialize, Deserialize)]
struct SlugItem {
    org_id: OrgId,
}

/// An org's attributes.
#[derive(Serialize, Deserialize)]
pub(super) struct OrgItem {
    org_id: OrgId,
    slug: OrgSlug,
    #[serde(flatten)]
    billing: Posture,
}

/// Billing posture as attributes: `billing`, and in a trial `trial_ends_at`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "billing", rename_all = "snake_case")]
enum Posture {
    Active,
    Trial { trial_ends_at: Timestamp },
    PastDue,
    Decommissioning,
}

impl Table {
    /// Creates an org. Returns false if its slug or id is taken.
    pub async fn create_org(&self, org: &Org) -> Result<bool, Error> {
        let slug = item::write(Key::slug(&org.slug), SlugItem { org_id: org.id })?;
        let org = item::write(Key::org(org.id), OrgItem::from(org))?;
        self.transact(vec![self.put_new(slug)?, self.put_new(org)?]).await
    }

    pub async fn org_by_slug(&self, slug: &OrgSlug) -> Result<Option<Org>, Error> {
        let Some(SlugItem { org_id }) = self.get(Key::slug(slug)).await? else { return Ok(None) };
        self.org(org_id).await
    }

    /// Sets an org's billing posture. Returns false if the org does not exist.
    pub async fn set_billing(&self, org: OrgId, billing: Billing) -> Result<bool, Error> {
        let posture = item::attributes(Posture::from(billing))?;
        let expression = match billing {
            Billing::Trial { .. } => "SET billing = :billing, trial_ends_at = :trial_ends_at",
            Billing::Active | Billing::PastDue | Billing::Decommissioning => {
                "SET billing = :billing REMOVE trial_ends_at"
            }
        };
        let mut update = self.update(Key::org(org), expression).condition_expression("attribute_exists(pk)");
        for (name, value) in posture {
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        super::applied(update).await
    }
}

impl From<Billing> for Posture {
    fn from(billing: Billing) -> Self {
        match billing {
            Billing::Active => Self::Active,
            Billing::Trial { ends_at } => Self::Trial { trial_ends_at: ends_at },
            Billing::PastDue => Self::PastDue,
            Billing::Decommissioning => Self::Decommissioning,
        }
    }
}

impl From<Posture> for Billing {
    fn from(posture: Posture) -> Self {
        match posture {
            Posture::Active => Self::Active,
            Posture::Trial { trial_ends_at } => Self::Trial { ends_at: trial_ends_at },
            Posture::PastDue => Self::PastDue,
            Posture::Decommissioning => Self::Decommissioning,
        }
    }
}

impl From<&Org> for OrgItem {
    fn from(org: &Org) -> Self {
        Self { org_id: org.id, slug: org.slug.clone(), billing: org.billing.into() }
    }
}

impl From<OrgItem> for Org {
    fn from(item: OrgItem) -> Self {
        Self { id: item.org_id, slug: item.slug, billing: item.billing.into() }
    }
}
