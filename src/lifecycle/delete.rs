use std::time::Duration;

use super::{Lifecycle, pauses::pauses};
use crate::{
    aws::{self, PurgeJob, Queue, Table},
    error_chain::ErrorChain,
    identity::Caller,
    records::{BuildStatus, PackId, Quarantine, Record, Timestamp},
};

/// A deletion that has begun and cannot be stopped.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// The pack's record, possibly with its status from before the deletion.
    pub record: Record,
    /// Whether the image and the record are gone. If not, a purge job still has to delete them.
    pub is_complete: bool,
}

/// Why a deletion was rejected or failed.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The caller's org has no such pack.
    #[error("no such pack")]
    NotFound,
    #[error("the pack is in use (references: {references})")]
    InUse { references: u32 },
    #[error("the pack is quarantined")]
    Quarantined(Quarantine),
    /// The deletion may have begun. It is safe to retry.
    #[error("a storage error")]
    Storage(#[from] aws::Error),
}

impl Lifecycle {
    /// Deletes a pack of the caller's org, and waits for its purge for at most [`Self::purge_wait`]. A repeated call
    /// sends the purge job again.
    pub async fn delete(&self, caller: &Caller, id: PackId) -> Result<Deletion, DeleteError> {
        let found = self.table.mark_deleting(caller.org.id, id, Timestamp::now()).await?;
        let record = found.ok_or(DeleteError::NotFound)?;
        match &record.build.status {
            BuildStatus::Deleting => {}
            BuildStatus::Queued | BuildStatus::Ready | BuildStatus::Failed { .. } => {
                return Err(DeleteError::InUse { references: record.reference_count });
            }
            BuildStatus::Quarantined { reason } => {
                return Err(DeleteError::Quarantined(Quarantine { pack_id: Some(id), reason: reason.clone() }));
            }
        }
        let is_complete = purge_in_time(&self.table, &self.purges, &record, self.purge_wait).await?;
        Ok(Deletion { record, is_complete })
    }
}

/// Sends a pack's purge job, and returns whether the record was deleted within `wait`. If the job cannot be sent,
/// returns false, and [`requeue`](crate::requeue) sends it later.
pub(super) async fn purge_in_time(
    table: &Table,
    purges: &Queue<PurgeJob>,
    record: &Record,
    wait: Duration,
) -> Result<bool, aws::Error> {
    let id = record.id;
    if let Err(error) = purges.send(record.release.org_id, PurgeJob { pack_id: id }).await {
        tracing::warn!(pack_id = %id, error = %ErrorChain(&error), "cannot send the purge job; requeue sends it later");
        return Ok(false);
    }
    for pause in pauses(wait) {
        tokio::time::sleep(pause).await;
        if table.record(id).await?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
