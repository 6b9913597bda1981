use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    Table,
    index::{Index, ORG_NAMES},
    item, string,
};
use crate::{
    aws::Error,
    cache::Cache,
    records::{ListedPack, OrgId, PackId},
};

/// The maximum number of pages that a scan reads. If the last of them ends with an unreadable id, the scan reads more
/// pages until one ends with a readable id.
const MAX_PAGES: u32 = 10;
/// The maximum size of the first page, in packs. The maximum size of each later page is [`GROWTH`] times that of the
/// page before, so a short list reads few packs that it does not need, and a long list needs few pages.
const FIRST_PAGE: usize = 16;
const GROWTH: usize = 4;
/// The maximum number of cached pages. A page holds at most 1 MB, which is DynamoDB's limit.
const CACHED_PAGES: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");

/// The recently read pages of community packs.
pub(super) type PageCache = Cache<PageQuery, Arc<IndexPage>>;

pub(super) fn page_cache(keep_for: Duration) -> PageCache {
    Cache::new(keep_for, CACHED_PAGES)
}

/// A query for one page of a partition, from the newest pack to the oldest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PageQuery {
    index: &'static str,
    partition_key: &'static str,
    partition: String,
    /// The id after which the page starts; `None` to start with the newest pack. It is kept as stored, because it may
    /// be unreadable.
    after: Option<String>,
    limit: usize,
}

#[derive(Debug)]
pub(super) struct IndexPage {
    packs: Vec<ListedPack>,
    /// The `after` of the next page; `None` on the last page.
    next: Option<String>,
}

impl Table {
    async fn index_page(&self, query: PageQuery) -> Result<IndexPage, Error> {
        let PageQuery { index, partition_key, partition, after, limit } = query;
        let mut condition = format!("{partition_key} = :partition");
        let mut query = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(index)
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":partition", string(partition));
        if let Some(after) = after {
            condition.push_str(" AND pack_id < :after");
            query = query.expression_attribute_values(":after", string(after));
        }
        let page = query.key_condition_expression(condition).send().await.map_err(Error::call("Query"))?;
        let next = page.last_evaluated_key.and_then(|mut key| match key.remove("pack_id")? {
            AttributeValue::S(id) => Some(id),
            _ => None,
        });
        Ok(IndexPage {
            packs: page.items.unwrap_or_default().into_iter().filter_map(item::read_listed).collect(),
            next,
        })
    }

    async fn cached_index_page(&self, query: PageQuery) -> Result<Arc<IndexPage>, Error> {
        let Some(cache) = &self.community_pages else { return Ok(Arc::new(self.index_page(query).await?)) };
        if let Some(page) = cache.get(&query) {
            return Ok(page);
        }
        let read_at = SystemTime::now();
        let page = Arc::new(self.index_page(query.clone()).await?);
        cache.put(query, read_at, Arc::clone(&page));
        Ok(page)
    }
}

/// A scan of an index partition, from the newest pack to the oldest.
pub(super) struct IndexScan {
    index: &'static Index,
    partition: String,
    /// The org whose packs are skipped: the caller's, in a scan of community packs.
    left_out: Option<OrgId>,
    /// Packs that were read but not yet returned.
    found: VecDeque<ListedPack>,
    /// The `after` of the next page.
    after: Option<String>,
    /// How far the scan has read: the id at the end of the last page that ended with a readable id, or the list's
    /// cursor if there is no such page yet. The remaining pages contain only packs older than this id.
    depth: Option<PackId>,
    /// Whether the last page ended with a readable id, so that the list can be continued from `depth`.
    is_resumable: bool,
    pages: u32,
    /// The number of packs that were read and skipped.
    skipped: usize,
    at_end: bool,
}

impl IndexScan {
    /// Returns a scan of an org's own packs that are older than `after`.
    pub(super) fn own(index: &'static Index, partition: String, after: Option<PackId>) -> Self {
        Self {
            index,
            partition,
            left_out: None,
            found: VecDeque::new(),
            after: after.map(|id| id.to_string()),
            depth: after,
            is_resumable: true,
            pages: 0,
            skipped: 0,
            at_end: false,
        }
    }

    /// Returns a scan of the community packs of all orgs except `caller`. Pages may come from the cache.
    pub(super) fn community(index: &'static Index, partition: String, after: Option<PackId>, caller: OrgId) -> Self {
        Self { left_out: Some(caller), ..Self::own(index, partition, after) }
    }

    /// Returns a finished scan that has found only this pack.
    pub(super) fn found(pack: ListedPack) -> Self {
        Self { found: VecDeque::from([pack]), at_end: true, ..Self::own(&ORG_NAMES, String::new(), None) }
    }

    /// Returns whether this scan must read its next page before the next pack of the list is known. `newest` is the id
    /// of the newest pack that any scan has found and that has not been taken yet.
    pub(super) fn needs_page(&self, newest: Option<PackId>) -> bool {
        let may_read = !self.at_end && (self.pages < MAX_PAGES || !self.is_resumable);
        let is_older = newest.is_some() && self.depth.is_some() && newest > self.depth;
        self.found.is_empty() && may_read && !is_older
    }

    /// Reads the next page. `needed` is the number of packs that the caller still needs.
    pub(super) async fn read_page(&mut self, table: &Table, needed: usize) -> Result<(), Error> {
        let query = PageQuery {
            index: self.index.name,
            partition_key: self.index.partition_key,
            partition: self.partition.clone(),
            after: self.after.clone(),
            limit: needed.max(self.skipped).min(FIRST_PAGE * GROWTH.pow(self.pages.min(MAX_PAGES))),
        };
        let next = match self.left_out {
            None => {
                let page = table.index_page(query).await?;
                self.found.extend(page.packs);
                page.next
            }
            Some(org) => {
                let page = table.cached_index_page(query).await?;
                let others = page.packs.iter().filter(|pack| pack.org_id != org);
                self.found.extend(others.cloned());
                self.skipped += page.packs.len() - self.found.len();
                page.next.clone()
            }
        };
        self.pages += 1;
        self.at_end = next.is_none();
        if let Some(next) = next {
            let id = next.parse().ok();
            self.is_resumable = id.is_some();
            self.depth = id.or(self.depth);
            self.after = Some(next);
        }
        Ok(())
    }

    /// Returns `depth` if all found packs were taken and the partition may contain more packs.
    pub(super) fn read_down_to(&self) -> Option<PackId> {
        self.depth.filter(|_| self.found.is_empty() && !self.at_end)
    }

    /// Returns the id of the newest pack that has not been taken yet.
    pub(super) fn newest(&self) -> Option<PackId> {
        self.found.front().map(|pack| pack.id)
    }

    /// Takes the newest pack if it has this id.
    pub(super) fn take(&mut self, id: PackId) -> Option<ListedPack> {
        if self.newest() == Some(id) { self.found.pop_front() } else { None }
    }
}
