use std::{io, time::Duration};

use super::{Deletion, delete::purge_in_time, pauses::pauses};
use crate::{
    aws::{self, Job, Lease, PurgeJob, Queue, SavedImages, Table},
    error_chain::ErrorChain,
    records::{BuildState, BuildStatus, PackId, Record, Timestamp},
    registry::{self, Registry},
};

/// The use cases of the platform's operators, who may change the packs of any org. Each change writes an audit entry.
/// An interrupted call can be repeated.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Identifies the operator in audit entries: the id of the operator's AWS access key.
    pub actor: String,
    pub table: Table,
    pub builds: Queue<Job>,
    pub purges: Queue<PurgeJob>,
    pub registry: Registry,
    pub saved_images: SavedImages,
    /// The duration of a lease on a version. It must exceed the timeout for a change in the registry.
    pub lease: Duration,
    /// How long to wait for the lease on a version, which a build, a purge or another command may hold.
    pub lease_wait: Duration,
    /// How long a deletion waits for its purge.
    pub purge_wait: Duration,
}

/// Why an operation failed. The pack is unchanged or partly changed, and it is safe to retry.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    #[error("the pack {0} does not exist")]
    NotFound(PackId),
    #[error("the pack has the status {found}, not {needed}")]
    WrongState { found: BuildState, needed: &'static str },
    #[error("the pack is in use (references: {references}); remove them with `admin pack unpin`")]
    InUse { references: u32 },
    #[error("the registry has no image of the pack; rebuild the pack or delete it")]
    ImageLost,
    #[error(
        "neither a saved image of the pack nor one in the registry exists; delete the pack with `admin pack delete`"
    )]
    NotSaved,
    #[error("a build, a purge or another command is changing this version; repeat the command in a few minutes")]
    Leased,
    #[error("the pack changed during the command; repeat the command")]
    Contested,
    #[error("a storage error")]
    Storage(#[from] aws::Error),
    #[error("a registry error")]
    Registry(#[from] registry::Error),
    #[error("cannot write a temporary file")]
    TemporaryFile(#[from] io::Error),
}

impl Operator {
    /// Queues another build of a ready pack whose image was lost. Returns the record as it was before.
    ///
    /// # Errors
    /// Returns [`OperatorError::WrongState`] if the pack is not ready.
    pub async fn rebuild(&self, id: PackId) -> Result<Record, OperatorError> {
        let record = self.find(id).await?;
        if !self.table.rebuild(&record, &self.actor, Timestamp::now()).await? {
            self.expect_unchanged(&record, "ready", |status| *status == BuildStatus::Ready).await?;
            return Err(OperatorError::Contested);
        }
        self.send_next_build(&record).await;
        Ok(record)
    }

    /// Deletes a pack of any org. If the pack is quarantined, also deletes its saved image, and the version stays
    /// quarantined. A repeated call sends the purge job again.
    ///
    /// # Errors
    /// Returns [`OperatorError::InUse`] if references to the pack exist.
    pub async fn delete(&self, id: PackId) -> Result<Deletion, OperatorError> {
        let Some(record) = self.table.record(id).await? else {
            // An interrupted deletion may have left the saved image behind.
            self.saved_images.delete_all(id).await?;
            return Err(OperatorError::NotFound(id));
        };
        let is_deleting = record.build.status == BuildStatus::Deleting;
        if !is_deleting && !self.table.mark_deleting_by_operator(&record, &self.actor, Timestamp::now()).await? {
            let references = self.find(id).await?.reference_count;
            return Err(if references > 0 { OperatorError::InUse { references } } else { OperatorError::Contested });
        }
        self.saved_images.delete_all(id).await?;
        let is_complete = purge_in_time(&self.table, &self.purges, &record, self.purge_wait).await?;
        Ok(Deletion { record, is_complete })
    }

    pub(super) async fn find(&self, id: PackId) -> Result<Record, OperatorError> {
        self.table.record(id).await?.ok_or(OperatorError::NotFound(id))
    }

    /// Reads the record again after a conditional write failed. Returns an error if the record's status is not allowed
    /// or its attempt has changed, because the write would then fail again. `needed` is the name of the allowed status
    /// in [`OperatorError::WrongState`].
    async fn expect_unchanged(
        &self,
        record: &Record,
        needed: &'static str,
        is_allowed: fn(&BuildStatus) -> bool,
    ) -> Result<(), OperatorError> {
        let Record { build, .. } = self.find(record.id).await?;
        expect_state(&build.status, needed, is_allowed)?;
        if build.attempt == record.build.attempt { Ok(()) } else { Err(OperatorError::Contested) }
    }

    /// Sends the build job for the attempt after the one in `record`. If this fails, [`requeue`](crate::requeue) sends
    /// the job later.
    pub(super) async fn send_next_build(&self, record: &Record) {
        let job = Job { pack_id: record.id, attempt: record.build.attempt.saturating_add(1) };
        if let Err(error) = self.builds.send(record.release.org_id, job).await {
            tracing::warn!(
                pack_id = %record.id,
                error = %ErrorChain(&error),
                "cannot send the job; requeue sends it later"
            );
        }
    }

    /// Calls `begin` until it takes the lease, for at most [`Self::lease_wait`]. `begin` returns false if another
    /// holder has the lease, if the record's status is not allowed, or if its attempt has changed. `needed` is the name
    /// of the allowed status in [`OperatorError::WrongState`].
    pub(super) async fn take_lease(
        &self,
        record: &Record,
        needed: &'static str,
        is_allowed: fn(&BuildStatus) -> bool,
        begin: impl AsyncFn(&Lease, Timestamp) -> Result<bool, aws::Error>,
    ) -> Result<Lease, OperatorError> {
        let mut pauses = pauses(self.lease_wait);
        loop {
            let now = Timestamp::now();
            let lease = Lease::new(now + self.lease);
            if begin(&lease, now).await? {
                return Ok(lease);
            }
            self.expect_unchanged(record, needed, is_allowed).await?;
            tokio::time::sleep(pauses.next().ok_or(OperatorError::Leased)?).await;
        }
    }

    /// Extends the lease before a change in the registry. Returns false if another holder has taken the lease, if the
    /// record is not in `state`, or if its attempt has changed.
    pub(super) async fn extend(
        &self,
        record: &Record,
        state: BuildState,
        lease: &Lease,
    ) -> Result<bool, OperatorError> {
        let now = Timestamp::now();
        Ok(self.table.extend_lease(record, state, &lease.prolonged(now + self.lease), now).await?)
    }

    /// Extends the lease on a quarantined version before a change in the registry. Returns an error if another holder
    /// has taken the lease, or if the pack is no longer quarantined in this attempt.
    pub(super) async fn extend_quarantined(&self, record: &Record, lease: &Lease) -> Result<(), OperatorError> {
        if self.extend(record, BuildState::Quarantined, lease).await? {
            return Ok(());
        }
        self.expect_unchanged(record, "quarantined", is_quarantined).await?;
        Err(OperatorError::Leased)
    }

    /// Releases the lease. If this fails, the lease still expires.
    pub(super) async fn release(&self, record: &Record, lease: &Lease) {
        if let Err(error) = self.table.release(record, lease).await {
            tracing::warn!(pack_id = %record.id, error = %ErrorChain(&error), "cannot release the lease");
        }
    }
}

/// Returns [`OperatorError::WrongState`] unless the pack is in the state that a use case needs.
pub(super) fn expect_state(
    status: &BuildStatus,
    needed: &'static str,
    is_allowed: fn(&BuildStatus) -> bool,
) -> Result<(), OperatorError> {
    let found = BuildState::from(status);
    if is_allowed(status) { Ok(()) } else { Err(OperatorError::WrongState { found, needed }) }
}

pub(super) fn is_quarantined(status: &BuildStatus) -> bool {
    matches!(status, BuildStatus::Quarantined { .. })
}
