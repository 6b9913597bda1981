use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::{
    Key, Table,
    audit::{EventType, Subject},
    index::CommunityKeys,
    item::{self, IndexedItem, PENDING},
    number,
    publishing::transacted,
    string,
};
use crate::{
    aws::Error,
    records::{BuildState, PackId, Record, Timestamp},
};

/// One page of the pending builds and purges, oldest first.
#[derive(Debug, Clone)]
pub struct PendingPage {
    /// Records with a pending build or purge. The index is eventually consistent, so some may no longer be pending.
    pub ids: Vec<PackId>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<PackId>,
}

impl Table {
    /// Counts one more send of the record's job. Returns false if the record is no longer pending with the same status
    /// and attempt.
    pub async fn mark_sent(&self, record: &Record, now: Timestamp) -> Result<bool, Error> {
        let update = self
            .update(Key::record(record.id), "SET enqueued_at = :now, sends = :sends")
            .condition_expression("build_status = :status AND attempt = :attempt AND attribute_exists(pending)")
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":sends", number(record.build.sends.saturating_add(1)))
            .expression_attribute_values(":status", string(BuildState::from(&record.build.status)))
            .expression_attribute_values(":attempt", number(record.build.attempt));
        super::applied(update).await
    }

    /// Queues the build of a ready record again and writes the audit entry. Returns false if the record is no longer
    /// ready or has a newer attempt. The caller must send the job of the next attempt.
    pub async fn rebuild(&self, record: &Record, actor: &str, now: Timestamp) -> Result<bool, Error> {
        let queue = self
            .queue_next_attempt(record, now)
            .condition_expression("build_status = :ready AND attempt = :attempt")
            .expression_attribute_values(":ready", string(BuildState::Ready));
        let subject = Subject::Pack { pack_id: record.id };
        let audit = self.put_audit(record.release.org_id, EventType::RebuildPack, subject, actor, now)?;
        self.transact(vec![transacted(queue)?, audit]).await
    }

    /// Returns the update that queues a record's next attempt, with the same staged archive. Counts one send of its
    /// job at `now`. The caller adds a condition.
    pub(super) fn queue_next_attempt(&self, record: &Record, now: Timestamp) -> UpdateBuilder {
        self.update_record(
            record,
            &format!(
                "SET build_status = :queued, pending = :pending, updated_at = :now, enqueued_at = :now, \
                 attempt = attempt + :one, sends = :one, tries = :zero REMOVE quarantine_reason, last_error, {}",
                CommunityKeys::NAMES
            ),
        )
        .expression_attribute_values(":queued", string(BuildState::Queued))
        .expression_attribute_values(":pending", string(PENDING))
        .expression_attribute_values(":now", string(now))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":zero", number(0))
    }

    /// Returns the page of pending builds and purges that starts after `after`. Skips records with an unreadable id.
    pub async fn pending(&self, after: Option<PackId>) -> Result<PendingPage, Error> {
        let query = || {
            let query = self.client.query().table_name(&self.name).index_name("pending");
            let query = query.expression_attribute_values(":build", string(PENDING));
            match after {
                None => query.key_condition_expression("pending = :build"),
                Some(after) => query
                    .key_condition_expression("pending = :build AND pack_id > :after")
                    .expression_attribute_values(":after", string(after)),
            }
        };
        let (mut ids, mut last_key) = (Vec::new(), None);
        loop {
            let page = query().set_exclusive_start_key(last_key).send().await.map_err(Error::call("Query"))?;
            let items = page.items.unwrap_or_default().into_iter().filter_map(item::read_listed);
            ids.extend(items.map(|IndexedItem { pack_id }| pack_id));
            last_key = page.last_evaluated_key;
            let Some(key) = &last_key else { return Ok(PendingPage { ids, next: None }) };
            // A page that ends with an unreadable id has no cursor, so the next page is appended.
            if let Some(next) = item::cursor(key) {
                return Ok(PendingPage { ids, next: Some(next) });
            }
        }
    }
}
