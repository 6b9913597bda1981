use futures_util::future::try_join_all;
use pack_format::{PackName, Version};

use super::{
    Table, VersionState,
    index::{self, COMMUNITY_NAMES, COMMUNITY_PACKS, COMMUNITY_VERSIONS, ORG_NAMES, ORG_PACKS},
    index_scan::IndexScan,
};
use crate::{
    aws::Error,
    error_chain::ErrorChain,
    records::{ListedPack, OrgId, PackId, Quarantine, Visibility},
};

/// Which packs a list returns. A field that is `None` matches all packs.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub name: Option<NameFilter>,
    /// Whether the packs belong to the caller's org.
    pub owned: Option<bool>,
    pub visibility: Option<Visibility>,
}

/// A filter that matches all versions of a name, or one of them.
#[derive(Debug, Clone)]
pub struct NameFilter {
    pub name: PackName,
    pub version: Option<Version>,
}

impl Filter {
    fn allows_own(&self) -> bool {
        self.owned != Some(false)
    }

    /// Returns whether packs of other orgs may match. Only their community packs are listed.
    fn allows_others(&self) -> bool {
        self.owned != Some(true) && self.visibility != Some(Visibility::Org)
    }

    fn visibilities(&self) -> impl Iterator<Item = Visibility> {
        let all = [Visibility::Org, Visibility::Community];
        all.into_iter().filter(|visibility| self.visibility.is_none_or(|only| only == *visibility))
    }
}

/// One page of a list, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    pub packs: Vec<ListedPack>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<PackId>,
}

impl Table {
    /// Lists the packs that match `filter`, newest first: the org's own packs and the ready community packs of other
    /// orgs. Returns at most `limit` packs, starting after `after`. Skips corrupt records.
    ///
    /// Each filter selects whole index partitions, or the claim on one of the org's versions, so nearly every pack that
    /// is read is one that the list needs. The main exceptions are the org's own packs in a community partition, which
    /// are skipped. A scan usually stops after `MAX_PAGES` index pages, so the returned page may be short or empty
    /// although more packs match; its `next` then continues the list.
    pub async fn list(&self, org: OrgId, filter: &Filter, limit: usize, after: Option<PackId>) -> Result<Page, Error> {
        let mut scans = self.scans(org, filter, after).await?;
        let mut packs: Vec<ListedPack> = Vec::new();
        loop {
            let newest = scans.iter().filter_map(IndexScan::newest).max();
            // One more pack shows whether another page follows.
            let needed = limit + 1 - packs.len();
            let pending = scans.iter_mut().filter(|scan| scan.needs_page(newest));
            let reads = try_join_all(pending.map(|scan| scan.read_page(self, needed))).await?;
            if !reads.is_empty() {
                continue;
            }
            // A scan that may read no more pages can leave packs older than `read_down_to` unread. Unless the newest
            // found pack is newer than `read_down_to`, an unread pack may come before it, so the page ends here.
            let read_down_to = scans.iter().filter_map(IndexScan::read_down_to).max();
            let Some(newest) = newest.filter(|&id| Some(id) > read_down_to) else {
                return Ok(Page { packs, next: read_down_to });
            };
            if packs.len() >= limit {
                return Ok(Page { next: packs.last().map(|pack| pack.id), packs });
            }
            // A pack whose visibility has just changed may be in two partitions. Take it from both scans, and list it
            // once.
            let mut found: Vec<_> = scans.iter_mut().filter_map(|scan| scan.take(newest)).collect();
            packs.extend(found.drain(..1));
        }
    }

    /// Returns the scans that together cover all packs matching `filter`.
    async fn scans(&self, org: OrgId, filter: &Filter, after: Option<PackId>) -> Result<Vec<IndexScan>, Error> {
        let mut scans = Vec::new();
        match &filter.name {
            _ if !filter.allows_own() => {}
            None => scans.extend(
                filter
                    .visibilities()
                    .map(|visibility| IndexScan::own(&ORG_PACKS, index::org_packs(org, visibility), after)),
            ),
            Some(NameFilter { name, version: None }) => scans.extend(
                filter
                    .visibilities()
                    .map(|visibility| IndexScan::own(&ORG_NAMES, index::org_names(org, visibility, name), after)),
            ),
            Some(NameFilter { name, version: Some(version) }) => {
                let found = self.own_version(org, name, version).await?;
                let matches = |pack: &ListedPack| {
                    filter.visibilities().any(|visibility| visibility == pack.visibility)
                        && after.is_none_or(|after| pack.id < after)
                };
                scans.extend(found.filter(matches).map(IndexScan::found));
            }
        }
        if filter.allows_others() {
            let (index, partition) = match &filter.name {
                None => (&COMMUNITY_PACKS, index::community_packs()),
                Some(NameFilter { name, version: None }) => (&COMMUNITY_NAMES, index::community_names(name)),
                Some(NameFilter { name, version: Some(version) }) => {
                    (&COMMUNITY_VERSIONS, index::community_versions(name, version))
                }
            };
            scans.push(IndexScan::community(index, partition, after, org));
        }
        Ok(scans)
    }

    /// Reads the org's pack with this name and version through its version claim. Returns `None` for a corrupt record,
    /// because lists skip corrupt records.
    async fn own_version(&self, org: OrgId, name: &PackName, version: &Version) -> Result<Option<ListedPack>, Error> {
        let record = async {
            match self.version(org, name, version).await? {
                VersionState::Taken(record) => Ok(Some(*record)),
                VersionState::Quarantined(Quarantine { pack_id: Some(id), .. }) => self.record(id).await,
                VersionState::Quarantined(Quarantine { pack_id: None, .. })
                | VersionState::Free
                | VersionState::Deleted(_) => Ok(None),
            }
        };
        match record.await {
            Ok(record) => Ok(record.map(ListedPack::from)),
            Err(error @ (Error::Corrupt { .. } | Error::MissingRecord { .. })) => {
                tracing::error!(error = %ErrorChain(&error), "skipped a corrupt item in a list");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
