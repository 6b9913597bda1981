use super::{Key, Table, item::PENDING, number, string};
use crate::{
    aws::Error,
    records::{PackId, Record, Timestamp},
};

/// A part of the pending builds, oldest first.
#[derive(Debug, Clone)]
pub struct PendingPage {
    /// Records that were queued a moment ago, for an index is not read consistently.
    pub ids: Vec<PackId>,
    /// Where the next part begins: after this id. `None` at the end.
    pub next: Option<PackId>,
}

/// What a build has become of, under the rules of [`Build`](crate::records::Build). Each verb is one conditional write
/// that sets or removes the record's place in the outbox together with its status, and says whether it was written.
impl Table {
    /// Marks a record as ready, be it queued or failed.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn mark_ready(&self, id: PackId, now: Timestamp) -> Result<bool, Error> {
        let update = self
            .update(Key::record(id), "SET build_status = :ready, updated_at = :now REMOVE pending, build_error")
            .condition_expression("attribute_exists(pk) AND build_status <> :ready")
            .expression_attribute_values(":ready", string("ready"))
            .expression_attribute_values(":now", string(now));
        super::applied(update).await
    }

    /// Marks a record as failed if it is still queued in this attempt.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn mark_failed(&self, id: PackId, attempt: u32, error: &str, now: Timestamp) -> Result<bool, Error> {
        let update = self
            .update(
                Key::record(id),
                "SET build_status = :failed, build_error = :error, updated_at = :now REMOVE pending",
            )
            .condition_expression("build_status = :queued AND attempt = :attempt")
            .expression_attribute_values(":failed", string("failed"))
            .expression_attribute_values(":error", string(error))
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":queued", string("queued"))
            .expression_attribute_values(":attempt", number(attempt));
        super::applied(update).await
    }

    /// Notes that the job of a record's current attempt was sent once more, if it is still queued in it.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn mark_sent(&self, record: &Record, now: Timestamp) -> Result<bool, Error> {
        let update = self
            .update(Key::record(record.id), "SET enqueued_at = :now, sends = :sends")
            .condition_expression("build_status = :queued AND attempt = :attempt")
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":sends", number(record.build.sends.saturating_add(1)))
            .expression_attribute_values(":queued", string("queued"))
            .expression_attribute_values(":attempt", number(record.build.attempt));
        super::applied(update).await
    }

    /// The pending builds, beginning after `after`.
    ///
    /// # Errors
    /// When DynamoDB fails, or an item cannot be read.
    pub async fn pending(&self, after: Option<PackId>) -> Result<PendingPage, Error> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("pending")
            .expression_attribute_values(":build", string(PENDING));
        let query = match after {
            None => query.key_condition_expression("pending = :build"),
            Some(after) => query
                .key_condition_expression("pending = :build AND pack_id > :after")
                .expression_attribute_values(":after", string(after)),
        };
        let page = query.send().await.map_err(Error::of("Query"))?;
        let ids = page.items.unwrap_or_default().into_iter().map(super::list::pack_id).collect::<Result<_, _>>()?;
        let next = page.last_evaluated_key.map(super::list::pack_id).transpose()?;
        Ok(PendingPage { ids, next })
    }
}
