use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure, Update},
};

use super::{
    Key, Table,
    audit::{EventType, Subject},
    index::{CommunityKeys, ListKeys},
    item::{self, Item, RecordItem},
    number,
    publishing::transacted,
    string,
};
use crate::{
    aws::Error,
    records::{BuildState, BuildStatus, OrgId, PackId, Record, Timestamp, Visibility},
};

/// The result of a conditional update of a record.
enum Change {
    /// The record after the update.
    Applied(Option<Item>),
    /// The condition failed. Contains the unchanged record, if it exists.
    Refused(Option<Item>),
}

impl Table {
    /// Sets the visibility of an org's pack, unless the pack is quarantined or being deleted. Returns the resulting
    /// record, or `None` if the org has no such pack.
    pub async fn set_visibility(
        &self,
        org: OrgId,
        id: PackId,
        visibility: Visibility,
    ) -> Result<Option<Record>, Error> {
        loop {
            let found = self.record(id).await?.filter(|record| record.release.org_id == org);
            let Some(record) = found else { return Ok(None) };
            if matches!(record.build.status, BuildStatus::Quarantined { .. } | BuildStatus::Deleting) {
                return Ok(Some(record));
            }
            let ListKeys { org_packs, org_names, community } = ListKeys::new(&record, visibility);
            let set = "SET visibility = :visibility, org_packs = :org_packs, org_names = :org_names";
            let expression = match &community {
                Some(_) => format!("{set}{}", CommunityKeys::SET),
                None => format!("{set} REMOVE {}", CommunityKeys::NAMES),
            };
            let update = self
                .update(Key::record(id), &expression)
                .condition_expression("build_status = :status")
                .expression_attribute_values(":visibility", string(visibility))
                .expression_attribute_values(":org_packs", string(org_packs))
                .expression_attribute_values(":org_names", string(org_names))
                .expression_attribute_values(":status", string(BuildState::from(&record.build.status)));
            let values = community.into_iter().flat_map(CommunityKeys::values);
            let update =
                values.fold(update, |update, (name, value)| update.expression_attribute_values(name, string(value)));
            // If the status has changed since the record was read, start again, because the index keys may be wrong.
            if let Change::Applied(item) = change(update).await? {
                return self::record(item);
            }
        }
    }

    /// Marks an org's pack as being deleted and counts one send of the purge job at `now`. Does neither if the pack is
    /// quarantined, has references or is already being deleted. Returns the resulting record, or `None` if the org has
    /// no such pack. If the resulting record is being deleted, the caller must send the job.
    pub async fn mark_deleting(&self, org: OrgId, id: PackId, now: Timestamp) -> Result<Option<Record>, Error> {
        let update = self
            .update(Key::record(id), &mark_deleting())
            .condition_expression(
                "org_id = :org AND NOT build_status IN (:quarantined, :deleting) AND reference_count = :zero",
            )
            .expression_attribute_values(":deleting", string(BuildState::Deleting))
            .expression_attribute_values(":due", string(now + self.resend_after))
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":quarantined", string(BuildState::Quarantined))
            .expression_attribute_values(":org", string(org));
        let (Change::Applied(item) | Change::Refused(item)) = change(update).await?;
        Ok(record(item)?.filter(|record| record.release.org_id == org))
    }

    /// Marks any org's pack as being deleted, counts one send of the purge job at `now`, and writes the audit entry. If
    /// the record no longer exists, is already being deleted or has references, changes nothing and returns false. If
    /// this returns true, the caller must send the job. A quarantined version stays quarantined.
    pub async fn mark_deleting_by_operator(&self, record: &Record, actor: &str, now: Timestamp) -> Result<bool, Error> {
        let mark = Update::builder()
            .table_name(&self.name)
            .set_key(Some(Key::record(record.id).attributes()))
            .update_expression(mark_deleting())
            .condition_expression("build_status <> :deleting AND reference_count = :zero")
            .expression_attribute_values(":deleting", string(BuildState::Deleting))
            .expression_attribute_values(":due", string(now + self.resend_after))
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0));
        let subject = Subject::Pack { pack_id: record.id };
        let audit = self.put_audit(record.release.org_id, EventType::DeletePack, subject, actor, now)?;
        self.transact(vec![transacted(mark)?, audit]).await
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

/// Returns the update expression that marks a record as being deleted and counts the first send of its purge job.
fn mark_deleting() -> String {
    format!(
        "SET build_status = :deleting, due_at = :due, updated_at = :now, enqueued_at = :now, sends = :one, \
         tries = :zero REMOVE tried_at, build_error, quarantine_reason, last_error, {}",
        CommunityKeys::NAMES
    )
}

fn record(item: Option<Item>) -> Result<Option<Record>, Error> {
    let item: Option<RecordItem> = item.map(item::read).transpose()?;
    Ok(item.map(Record::from))
}
