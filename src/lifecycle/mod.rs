//! The use cases that change packs which already exist: set their visibility, and delete them.
//!
//! A deletion marks the record as `deleting` and sends a purge job. The [`Purger`] removes the image from the registry and
//! then the record. [`requeue`](crate::requeue) sends the job again if it is lost.

mod delete;
mod pauses;
mod purge;

use std::time::Duration;

pub use self::{
    delete::{DeleteError, Deletion},
    purge::{PurgeError, PurgeOutcome, Purger},
};
use crate::{
    aws::{self, PurgeJob, Queue, Table},
    identity::Caller,
    records::{PackId, Record, Visibility},
};

/// The use cases that change the packs of the caller's org.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    pub table: Table,
    pub purges: Queue<PurgeJob>,
    /// How long a deletion waits for its purge.
    pub purge_wait: Duration,
}

impl Lifecycle {
    /// Sets who may see a pack, and returns its record. Returns `None` if the caller's org has no such pack, or if the
    /// pack is being deleted.
    ///
    /// # Errors
    /// Returns an error if DynamoDB fails. The visibility may have been set anyway. It is safe to retry.
    pub async fn set_visibility(
        &self,
        caller: &Caller,
        id: PackId,
        visibility: Visibility,
    ) -> Result<Option<Record>, aws::Error> {
        self.table.set_visibility(caller.org.id, id, visibility).await
    }
}
