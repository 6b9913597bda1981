use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::{
    Table,
    audit::{EventType, Subject},
    index::CommunityKeys,
    number,
    publishing::transacted,
    string,
};
use crate::{
    aws::Error,
    records::{BuildState, Record, Timestamp},
};

impl Table {
    /// Queues the next attempt of a ready record and writes the audit entry. If the record is no longer ready or has a
    /// newer attempt, changes nothing and returns false. If this returns true, the caller must send the job for the
    /// next attempt.
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
                "SET build_status = :queued, due_at = :due, updated_at = :now, enqueued_at = :now, \
                 attempt = attempt + :one, sends = :one, tries = :zero \
                 REMOVE tried_at, quarantine_reason, last_error, attestation_digest, {}",
                CommunityKeys::NAMES
            ),
        )
        .expression_attribute_values(":queued", string(BuildState::Queued))
        .expression_attribute_values(":due", string(now + self.resend_after))
        .expression_attribute_values(":now", string(now))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":zero", number(0))
    }
}
