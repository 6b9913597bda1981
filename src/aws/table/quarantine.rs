use super::{
    Table,
    audit::{EventType, Subject},
    index::CommunityKeys,
    publishing::{Lease, TAKE_LEASE, transacted},
    string,
};
use crate::{
    aws::Error,
    records::{BuildState, QuarantineReason, Record, Timestamp},
};

/// The steps by which an operator quarantines and restores a version. Each step is one transaction on the record and
/// its version claim, and returns whether it took effect. Between the steps, [`Table::extend_lease`] extends the lease.
impl Table {
    /// Begins a quarantine, or repeats an interrupted one: hides the pack from other orgs, stores the reason in the
    /// record and the version claim, takes the lease, and writes the audit entry.
    pub async fn begin_quarantine(
        &self,
        record: &Record,
        reason: &QuarantineReason,
        lease: &Lease,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let hide = self
            .update_record(
                record,
                &format!(
                    "SET build_status = :quarantined, quarantine_reason = :reason, updated_at = :now REMOVE {}",
                    CommunityKeys::NAMES
                ),
            )
            .condition_expression("build_status IN (:ready, :quarantined) AND attempt = :attempt")
            .expression_attribute_values(":quarantined", string(BuildState::Quarantined))
            .expression_attribute_values(":ready", string(BuildState::Ready))
            .expression_attribute_values(":reason", string(reason))
            .expression_attribute_values(":now", string(now));
        let claim = self
            .take_lease(record, lease, now)
            .update_expression(format!("{TAKE_LEASE}, quarantine_reason = :reason"))
            .expression_attribute_values(":reason", string(reason));
        let subject = Subject::Quarantine { pack_id: record.id, quarantine_reason: reason.clone() };
        let audit = self.put_audit(record.release.org_id, EventType::QuarantinePack, subject, actor, now)?;
        self.transact(vec![transacted(hide)?, transacted(claim)?, audit]).await
    }

    /// Begins a restore by taking the lease. The pack stays quarantined.
    pub async fn begin_restore(&self, record: &Record, lease: &Lease, now: Timestamp) -> Result<bool, Error> {
        let is_quarantined = self
            .update_record(record, "SET updated_at = :now")
            .condition_expression("build_status = :quarantined AND attempt = :attempt")
            .expression_attribute_values(":quarantined", string(BuildState::Quarantined))
            .expression_attribute_values(":now", string(now));
        self.transact_updates([is_quarantined, self.take_lease(record, lease, now)]).await
    }

    /// Ends a quarantine: queues the record's next attempt, removes the reason from the record and the version claim,
    /// releases the lease, and writes the audit entry. The image must already be in the registry. If this returns true,
    /// the caller must send the job for the next attempt.
    pub async fn end_quarantine(
        &self,
        record: &Record,
        lease: &Lease,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let queue = self
            .queue_next_attempt(record, now)
            .condition_expression("build_status = :quarantined AND attempt = :attempt")
            .expression_attribute_values(":quarantined", string(BuildState::Quarantined));
        let claim = self
            .update_claim(record, "REMOVE quarantine_reason, lease_holder, publishing_until")
            .condition_expression("pack_id = :id AND lease_holder = :holder")
            .expression_attribute_values(":holder", string(&lease.holder));
        let subject = Subject::Pack { pack_id: record.id };
        let audit = self.put_audit(record.release.org_id, EventType::RestorePack, subject, actor, now)?;
        self.transact(vec![transacted(queue)?, transacted(claim)?, audit]).await
    }
}
