//! The use cases that read one pack or list packs.

use crate::{
    aws::{self, Table},
    identity::Caller,
    records::{BuildStatus, PackId, Record, Visibility},
};

pub use crate::aws::{Filter, NameFilter, Page};

/// The packs that callers may see.
#[derive(Debug, Clone)]
pub struct Catalog {
    table: Table,
}

impl Catalog {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Returns a pack, or `None` if it does not exist or the caller may not see it.
    ///
    /// # Errors
    /// Returns [`aws::Error::Corrupt`] if the record cannot be read. Whether the caller may see it is then unknown.
    pub async fn get(&self, caller: &Caller, id: PackId) -> Result<Option<Record>, aws::Error> {
        Ok(self.table.record(id).await?.filter(|record| is_visible(record, caller)))
    }

    /// Lists the packs that match `filter`, newest first: the packs of the caller's org and all ready community packs.
    /// The page has at most `limit` packs and starts after `cursor`. It may have fewer, or
    /// none, even if it is not the last one.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &Filter,
        limit: usize,
        cursor: Option<PackId>,
    ) -> Result<Page, aws::Error> {
        self.table.list(caller.org.id, filter, limit, cursor).await
    }
}

fn is_visible(record: &Record, caller: &Caller) -> bool {
    let is_shared = match record.release.visibility {
        Visibility::Org => false,
        Visibility::Community => record.build.status == BuildStatus::Ready,
    };
    is_shared || record.release.org_id == caller.org.id
}
