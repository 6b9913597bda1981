use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update, builders::UpdateBuilder};
use serde::{Deserialize, Serialize};

use super::{
    Key, Table,
    audit::{EventType, Subject},
    item, number,
    publishing::transacted,
    string,
};
use crate::{
    aws::Error,
    records::{BuildState, PackId, Record, Reference, Timestamp},
};

#[derive(Serialize, Deserialize)]
struct ReferenceItem {
    reference: Reference,
    created_at: Timestamp,
}

/// References keep a pack from being deleted. Adding or removing one also updates the record's reference count and
/// writes an audit entry, in one transaction.
impl Table {
    /// Adds a reference to a ready pack. Returns false if the reference already exists, or if the pack is not ready.
    ///
    /// The pack must be ready, because a pack in any other state may have no image to use, or may be replaced.
    pub async fn add_reference(
        &self,
        record: &Record,
        reference: &Reference,
        now: Timestamp,
        actor: &str,
    ) -> Result<bool, Error> {
        let item = ReferenceItem { reference: reference.clone(), created_at: now };
        let put = self.put_new(item::write(Key::reference(record.id, reference), item)?)?;
        let count = self
            .count_references(record, "SET reference_count = reference_count + :one")
            .condition_expression("build_status = :ready")
            .expression_attribute_values(":ready", string(BuildState::Ready));
        self.change_references(record, EventType::Pin, reference, now, actor, [put, transacted(count)?]).await
    }

    /// Removes a reference. Returns false if it does not exist.
    pub async fn remove_reference(
        &self,
        record: &Record,
        reference: &Reference,
        now: Timestamp,
        actor: &str,
    ) -> Result<bool, Error> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(Key::reference(record.id, reference).attributes()))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(Error::call("TransactWriteItems"))?;
        let delete = TransactWriteItem::builder().delete(delete).build();
        let count = self
            .count_references(record, "SET reference_count = reference_count - :one")
            .condition_expression("reference_count > :zero")
            .expression_attribute_values(":zero", number(0));
        self.change_references(record, EventType::Unpin, reference, now, actor, [delete, transacted(count)?]).await
    }

    pub async fn has_reference(&self, id: PackId, reference: &Reference) -> Result<bool, Error> {
        let found: Option<ReferenceItem> = self.get(Key::reference(id, reference)).await?;
        Ok(found.is_some())
    }

    /// Returns an update of the record's reference count, with `:one` set to 1. The caller adds a condition.
    fn count_references(&self, record: &Record, expression: &str) -> UpdateBuilder {
        let update = Update::builder().table_name(&self.name).set_key(Some(Key::record(record.id).attributes()));
        update.update_expression(expression).expression_attribute_values(":one", number(1))
    }

    async fn change_references(
        &self,
        record: &Record,
        event_type: EventType,
        reference: &Reference,
        now: Timestamp,
        actor: &str,
        writes: [TransactWriteItem; 2],
    ) -> Result<bool, Error> {
        let subject = Subject::Reference { pack_id: record.id, reference: reference.clone() };
        let audit = self.put_audit(record.release.org_id, event_type, subject, actor, now)?;
        self.transact(writes.into_iter().chain([audit]).collect()).await
    }
}
