use super::{Lifecycle, pauses::pauses};
use crate::{
    aws::{self, PurgeJob},
    error_chain::ErrorChain,
    identity::Caller,
    records::{BuildStatus, PackId, Record, Timestamp},
};

/// A deletion that has begun and cannot be stopped.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// The record, with the status `deleting`.
    pub record: Record,
    /// Whether the image and the record are gone. If not, a purge job still has to remove them.
    pub is_complete: bool,
}

/// Why a pack was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The caller's org has no such pack.
    #[error("no such pack")]
    NotFound,
    #[error("{references} references to the pack exist")]
    InUse { references: u32 },
    /// The deletion may have begun. It is safe to retry.
    #[error("a storage error")]
    Storage(#[from] aws::Error),
}

impl Lifecycle {
    /// Deletes a pack of the caller's org, and waits for its purge. A repeated call sends the purge job again.
    pub async fn delete(&self, caller: &Caller, id: PackId) -> Result<Deletion, DeleteError> {
        let found = self.table.mark_deleting(caller.org.id, id, Timestamp::now()).await?;
        let record = found.ok_or(DeleteError::NotFound)?;
        match record.build.status {
            BuildStatus::Deleting => {}
            BuildStatus::Queued | BuildStatus::Ready | BuildStatus::Failed { .. } => {
                return Err(DeleteError::InUse { references: record.reference_count });
            }
        }
        let is_complete = match self.purges.send(caller.org.id, PurgeJob { pack_id: id }).await {
            Ok(()) => self.is_purged_in_time(id).await?,
            Err(error) => {
                tracing::warn!(pack_id = %id, error = %ErrorChain(&error), "purge job not sent; requeue sends it later");
                false
            }
        };
        Ok(Deletion { record, is_complete })
    }

    async fn is_purged_in_time(&self, id: PackId) -> Result<bool, aws::Error> {
        for pause in pauses(self.purge_wait) {
            tokio::time::sleep(pause).await;
            if self.table.record(id).await?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
