//! The use cases that change existing packs.

use crate::{
    aws::{self, Table},
    identity::Caller,
    records::{PackId, Record, Visibility},
};

/// The use cases that change the packs of the caller's org.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    table: Table,
}

impl Lifecycle {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Sets who may see a pack, and returns its record. Returns `None` if the caller's org has no such pack.
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
