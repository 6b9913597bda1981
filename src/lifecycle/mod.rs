//! The use cases that change existing packs. [`Lifecycle`] is for a pack's owner, and [`Operator`] for the platform's
//! operators.
//!
//! A deletion marks the record as `deleting` and sends a purge job. The [`Purger`] deletes the image from the registry,
//! the attestation bundle from the bucket, and then the record. [`requeue`](crate::requeue) sends the job again if it
//! is lost.

mod delete;
mod operator;
mod pauses;
mod purge;
mod quarantine;

use std::time::Duration;

use pack_format::Secret;

pub use self::{
    delete::{DeleteError, Deletion},
    operator::{Operator, OperatorError},
    purge::{PurgeError, PurgeOutcome, Purger},
};
use crate::{
    aws::{self, PurgeJob, Queue, Table},
    identity::Caller,
    records::{BuildStatus, PackId, Quarantine, Record, Visibility},
};

/// Why a change to a pack was rejected or failed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The pack would become a community pack, but it seems to contain live credentials.
    #[error("the pack seems to contain live credentials")]
    SecretsFound(Vec<Secret>),
    #[error("the pack is quarantined")]
    Quarantined(Quarantine),
    #[error("a storage error")]
    Storage(#[from] aws::Error),
}

/// The use cases that change the packs of the caller's org.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    pub table: Table,
    pub purges: Queue<PurgeJob>,
    /// How long a deletion waits for its purge.
    pub purge_wait: Duration,
}

impl Lifecycle {
    /// Sets a pack's visibility and returns its record. Returns `None` if the caller's org has no such pack, or if the
    /// pack is being deleted.
    ///
    /// # Errors
    /// Returns [`ChangeError::SecretsFound`] if a pack with secrets would become a community pack, and
    /// [`ChangeError::Quarantined`] if an operator has quarantined the pack. Returns [`ChangeError::Storage`] if
    /// DynamoDB fails. The visibility may then have been set, and it is safe to retry.
    pub async fn set_visibility(
        &self,
        caller: &Caller,
        id: PackId,
        visibility: Visibility,
    ) -> Result<Option<Record>, ChangeError> {
        if visibility == Visibility::Community {
            let own = self.table.record(id).await?.filter(|record| {
                record.release.org_id == caller.org.id && record.build.status != BuildStatus::Deleting
            });
            // A record's content never changes, so the check still holds when the visibility is set.
            let secrets = own.map_or_else(Vec::new, |record| record.release.secrets_found);
            if !secrets.is_empty() {
                return Err(ChangeError::SecretsFound(secrets));
            }
        }
        let found = self.table.set_visibility(caller.org.id, id, visibility).await?;
        match found.as_ref().map(|record| &record.build.status) {
            Some(BuildStatus::Quarantined { reason }) => {
                Err(ChangeError::Quarantined(Quarantine { pack_id: Some(id), reason: reason.clone() }))
            }
            Some(BuildStatus::Deleting) => Ok(None),
            None | Some(BuildStatus::Queued | BuildStatus::Ready | BuildStatus::Failed { .. }) => Ok(found),
        }
    }
}
