use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use serde::{Deserialize, Serialize};

use super::{
    Key, Table,
    audit::{EventType, Subject},
    item, number,
    publishing::transacted,
};
use crate::{
    aws::Error,
    identity::{Billing, Directory as _, Org, OrgLimit},
    records::{OrgId, OrgSlug, Timestamp},
};

/// The attributes of a slug claim.
#[derive(Serialize, Deserialize)]
struct SlugItem {
    org_id: OrgId,
}

impl Table {
    /// Creates an org and writes its first audit entry. Returns false if its slug or id is taken.
    pub async fn create_org(&self, org: &Org, actor: &str, now: Timestamp) -> Result<bool, Error> {
        let [slug, item] = org_items(org)?;
        let audit = self.put_audit(org.id, EventType::CreateOrg, org.into(), actor, now)?;
        self.transact(vec![self.put_new(slug)?, self.put_new(item)?, audit]).await
    }

    /// Writes an org and its slug claim, replacing any that exist. Writes no audit entry: this is only for the publicly
    /// known orgs of local runs.
    pub async fn put_org(&self, org: &Org) -> Result<(), Error> {
        let put = |item| {
            let put = self.put(item).build().map_err(Error::call("TransactWriteItems"))?;
            Ok(TransactWriteItem::builder().put(put).build())
        };
        let writes = org_items(org)?.map(put).into_iter().collect::<Result<_, Error>>()?;
        self.transact(writes).await?;
        Ok(())
    }

    pub async fn org_by_slug(&self, slug: &OrgSlug) -> Result<Option<Org>, Error> {
        let Some(SlugItem { org_id }) = self.get(Key::slug(slug)).await? else { return Ok(None) };
        self.org(org_id).await
    }

    /// Stores the billing posture of `org` and writes the audit entry. Returns false if the org does not exist.
    pub async fn set_billing(&self, org: &Org, actor: &str, now: Timestamp) -> Result<bool, Error> {
        let expression = match org.billing {
            Billing::Trial { .. } => "SET billing = :billing, trial_ends_at = :trial_ends_at",
            Billing::Active | Billing::PastDue | Billing::Decommissioning => {
                "SET billing = :billing REMOVE trial_ends_at"
            }
        };
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(Key::org(org.id).attributes()))
            .update_expression(expression)
            .condition_expression("attribute_exists(pk)");
        let values = item::attributes(org.billing)?.into_iter();
        let update =
            values.fold(update, |update, (name, value)| update.expression_attribute_values(format!(":{name}"), value));
        let audit = self.put_audit(org.id, EventType::SetBilling, org.into(), actor, now)?;
        self.transact(vec![transacted(update)?, audit]).await
    }

    /// Sets an org's own value for a limit, or removes it if `value` is `None`, so that the configured value applies
    /// again. Writes the audit entry. Returns false if the org does not exist.
    pub async fn set_limit(
        &self,
        org: &Org,
        limit: OrgLimit,
        value: Option<u64>,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let expression = if value.is_some() { "SET #limit = :value" } else { "REMOVE #limit" };
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(Key::org(org.id).attributes()))
            .update_expression(expression)
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#limit", format!("{}{limit}", Org::LIMIT_PREFIX));
        let update = match value {
            Some(value) => update.expression_attribute_values(":value", number(value)),
            None => update,
        };
        let audit = self.put_audit(org.id, EventType::SetLimit, Subject::Limit { limit, value }, actor, now)?;
        self.transact(vec![transacted(update)?, audit]).await
    }
}

/// Returns the items for an org: its slug claim and the org itself.
fn org_items(org: &Org) -> Result<[item::Item; 2], Error> {
    let slug = item::write(Key::slug(&org.slug), SlugItem { org_id: org.id })?;
    Ok([slug, item::write(Key::org(org.id), org)?])
}
