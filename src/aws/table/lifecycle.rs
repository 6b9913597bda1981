use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    Key, Table,
    item::{self, COMMUNITY, Item, RecordItem},
    number, string,
};
use crate::{
    aws::Error,
    records::{BuildState, OrgId, PackId, Record, Timestamp, Visibility},
};

/// The result of a conditional update of a record.
enum Change {
    /// The record after the update.
    Applied(Option<Item>),
    /// The condition does not hold. Contains the unchanged record, if it exists.
    Refused(Option<Item>),
}

impl Table {
    /// Sets the visibility of an org's pack and returns the record. Returns `None` if the org has no such pack, or if
    /// the pack is being deleted.
    pub async fn set_visibility(
        &self,
        org: OrgId,
        id: PackId,
        visibility: Visibility,
    ) -> Result<Option<Record>, Error> {
        let update = match visibility {
            Visibility::Org => self.update(Key::record(id), "SET visibility = :visibility REMOVE community_packs"),
            Visibility::Community => self
                .update(Key::record(id), "SET visibility = :visibility, community_packs = :community")
                .expression_attribute_values(":community", string(COMMUNITY)),
        };
        let update = update
            .condition_expression("org_packs = :org AND build_status <> :deleting")
            .expression_attribute_values(":visibility", string(visibility))
            .expression_attribute_values(":org", string(org))
            .expression_attribute_values(":deleting", string(BuildState::Deleting));
        match change(update).await? {
            Change::Applied(item) => record(item),
            Change::Refused(_) => Ok(None),
        }
    }

    /// Marks an org's pack as being deleted, unless references to it exist. Returns the resulting record, or `None` if
    /// the org has no such pack. Also counts one send of the purge job at `now`. The caller must send that job.
    pub async fn mark_deleting(&self, org: OrgId, id: PackId, now: Timestamp) -> Result<Option<Record>, Error> {
        let update = self
            .update(
                Key::record(id),
                "SET build_status = :deleting, due_at = :due, updated_at = :now, enqueued_at = :now, sends = :one, \
                 tries = :zero REMOVE tried_at, build_error, last_error",
            )
            .condition_expression("org_packs = :org AND build_status <> :deleting AND reference_count = :zero")
            .expression_attribute_values(":deleting", string(BuildState::Deleting))
            .expression_attribute_values(":due", string(now + self.resend_after))
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":org", string(org));
        let found = match change(update).await? {
            Change::Applied(item) | Change::Refused(item) => record(item)?,
        };
        Ok(found.filter(|record| record.release.org_id == org))
    }
}

async fn change(update: UpdateItemFluentBuilder) -> Result<Change, Error> {
    let update = update
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match update.send().await {
        Ok(output) => Ok(Change::Applied(output.attributes)),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Change::Refused(refused.item().cloned()))
            }
            _ => Err(Error::call("UpdateItem")(error)),
        },
    }
}

fn record(item: Option<Item>) -> Result<Option<Record>, Error> {
    let item: Option<RecordItem> = item.map(item::read).transpose()?;
    Ok(item.map(Record::from))
}
