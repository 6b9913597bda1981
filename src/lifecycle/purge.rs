use std::time::Duration;

use strum::IntoStaticStr;

use super::pauses::pauses;
use crate::{
    aws::{self, Attestations, Events, Lease, PurgeJob, Table},
    error_chain::ErrorChain,
    records::{BuildStatus, PackEvent, PackId, Record, Timestamp},
    registry::{self, Registry},
};

/// The purge use case with its backends and settings.
#[derive(Debug, Clone)]
pub struct Purger {
    pub table: Table,
    pub registry: Registry,
    pub events: Events,
    pub attestations: Attestations,
    /// The duration of a purge's lease on its version. In Lambda, it must be at least the sum of the function's timeout
    /// and [`push_timeout`](registry::Settings::push_timeout).
    pub lease: Duration,
    /// How long a purge waits for the lease on its version, which a build may hold.
    pub lease_wait: Duration,
}

/// The result of a job that needs no retry. Its string form is the value of the `Outcome` dimension in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum PurgeOutcome {
    /// The pack's image and record no longer exist.
    Deleted,
    /// There was nothing to do: the record does not exist, or it is not being deleted.
    Dropped,
}

/// Why a job must be retried. A purge never fails permanently, because a deleted pack's image must not remain in the
/// registry.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    #[error("a storage error")]
    Storage(#[from] aws::Error),
    #[error("cannot delete the image")]
    Registry(#[from] registry::Error),
    #[error("a build, another purge or an operator's command is changing this version")]
    Leased,
    /// The conditional write that removes the record failed.
    #[error("the lease was lost during the purge")]
    LeaseLost,
}

impl Purger {
    /// The usual value of [`Purger::lease_wait`]. Most builds take less time.
    pub const LEASE_WAIT: Duration = Duration::from_secs(15);

    /// Handles a job. The job has no effect if the pack is not being deleted or no longer exists.
    ///
    /// # Errors
    /// Returns a [`PurgeError`] if the job must be retried.
    pub async fn purge(&self, job: PurgeJob) -> Result<PurgeOutcome, PurgeError> {
        let Some(record) = self.deleted_record(job.pack_id).await? else { return Ok(PurgeOutcome::Dropped) };
        let Some(lease) = self.take_lease(&record).await? else { return Ok(PurgeOutcome::Dropped) };
        let result = self.remove(&record, &lease).await;
        if let Err(error) = &result {
            let error = ErrorChain(error).to_string();
            // If this fails, the lease still expires.
            if let Err(error) = self.table.abandon(&record, &lease, Some(&error)).await {
                tracing::warn!(pack_id = %record.id, error = %ErrorChain(&error), "cannot release the lease");
            }
        }
        result
    }

    /// Returns the pack's record if the pack is being deleted.
    async fn deleted_record(&self, id: PackId) -> Result<Option<Record>, aws::Error> {
        Ok(self.table.record(id).await?.filter(|record| record.build.status == BuildStatus::Deleting))
    }

    /// Takes the lease on the version. If a build or another holder has it, waits for up to [`Purger::lease_wait`].
    /// Returns `None` if another purge removed the record.
    async fn take_lease(&self, record: &Record) -> Result<Option<Lease>, PurgeError> {
        let mut pauses = pauses(self.lease_wait);
        loop {
            let now = Timestamp::now();
            let lease = Lease::new(now + self.lease);
            if self.table.begin_purge(record, &lease, now).await? {
                return Ok(Some(lease));
            }
            if self.deleted_record(record.id).await?.is_none() {
                return Ok(None);
            }
            tokio::time::sleep(pauses.next().ok_or(PurgeError::Leased)?).await;
        }
    }

    /// Deletes the image from the registry, the bundle from the bucket, and then the record. Meanwhile, the lease keeps
    /// builds from pushing the image.
    async fn remove(&self, record: &Record, lease: &Lease) -> Result<PurgeOutcome, PurgeError> {
        self.registry.delete(&record.release.image_ref, record.release.image_digest).await?;
        self.attestations.delete(&record.release).await?;
        let now = Timestamp::now();
        let is_removed = self.table.remove(record, lease, now).await?;
        if is_removed {
            self.events.send(&PackEvent::deleted(record, now)).await;
        }
        // If the response to the write was lost, a retry may report that nothing was removed. So check whether the
        // record is gone.
        if is_removed || self.deleted_record(record.id).await?.is_none() {
            Ok(PurgeOutcome::Deleted)
        } else {
            Err(PurgeError::LeaseLost)
        }
    }
}
