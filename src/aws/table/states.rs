use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    Table,
    audit::{EventType, Subject},
    number, string,
};
use crate::{
    aws::Error,
    records::{BuildState, Record, Timestamp},
};

impl Table {
    /// Queues the build of a ready record again and writes the audit entry. Its job is due immediately. Returns false if the record is no longer
    /// ready or has a newer attempt.
    pub async fn rebuild(&self, record: &Record, actor: &str, now: Timestamp) -> Result<bool, Error> {
        let queue = self
            .update_record(
                record,
                "SET build_status = :queued, due_at = :now, updated_at = :now, attempt = attempt + :one, \
                 sends = :zero, tries = :zero REMOVE tried_at",
            )
            .condition_expression("build_status = :ready AND attempt = :attempt")
            .expression_attribute_values(":queued", string(BuildState::Queued))
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":ready", string(BuildState::Ready))
            .build()
            .map_err(Error::call("TransactWriteItems"))?;
        let subject = Subject::Pack { pack_id: record.id };
        let audit = self.put_audit(record.release.org_id, EventType::RebuildPack, subject, actor, now)?;
        self.transact(vec![TransactWriteItem::builder().update(queue).build(), audit]).await
    }
}
