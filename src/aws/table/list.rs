use std::collections::VecDeque;

use pack_format::{PackName, Version};

use super::{
    Table,
    item::{self, COMMUNITY, Item, RecordItem},
    string,
};
use crate::{
    aws::Error,
    records::{BuildState, OrgId, PackId, Record},
};

/// How many pages one list may read from each index.
const MAX_PAGES: u32 = 10;
/// The page size, in records, of a query with a filter. It is large because the filter may skip most records.
const FILTERED_PAGE: usize = 1_000;

/// Which packs a list returns.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub name: Option<PackName>,
    pub version: Option<Version>,
}

/// One page of a list, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    pub records: Vec<Record>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<PackId>,
}

impl Table {
    /// Lists an org's own packs and the ready community packs of all orgs, newest first. Returns at most `limit` records,
    /// starting after `after`. Skips corrupt records.
    ///
    /// Reads at most ten pages of each index. With a filter, a page has a thousand records. If the limit on pages is
    /// reached, the result may be short or empty, and its `next` continues the search.
    pub async fn list(&self, org: OrgId, filter: &Filter, limit: usize, after: Option<PackId>) -> Result<Page, Error> {
        let mut own = IndexScan::new("org-packs", "org_packs", org.to_string(), None, after);
        let ready = Some(BuildState::Ready);
        let mut community = IndexScan::new("community-packs", "community_packs", COMMUNITY.to_owned(), ready, after);
        let mut records: Vec<Record> = Vec::new();
        loop {
            tokio::try_join!(own.fill(self, filter, limit), community.fill(self, filter, limit))?;
            // One of the indexes may have unread records with lower ids, so the result ends at this id.
            let read_down_to = own.read_down_to().max(community.read_down_to());
            let newest = own.newest().max(community.newest()).filter(|&id| Some(id) > read_down_to);
            let Some(newest) = newest else { return Ok(Page { records, next: read_down_to }) };
            if records.len() >= limit {
                return Ok(Page { next: records.last().map(|record| record.id), records });
            }
            let (own, community) = (own.take(newest), community.take(newest));
            records.extend(own.or(community));
        }
    }
}

/// Reads one partition of an index, from the newest record to the oldest.
struct IndexScan {
    index: &'static str,
    attribute: &'static str,
    partition: String,
    /// The build state that records must have, or `None` for any.
    build_state: Option<BuildState>,
    /// Records that were read but not yet taken.
    found: VecDeque<Record>,
    after: Option<PackId>,
    /// The oldest readable id at the end of a page. All newer records were read.
    depth: Option<PackId>,
    /// The `LastEvaluatedKey` of the last page.
    last_key: Option<Item>,
    /// Whether the last page ended with a readable id, so that the list can be continued from `depth`.
    is_resumable: bool,
    pages: u32,
    at_end: bool,
}

impl IndexScan {
    fn new(
        index: &'static str,
        attribute: &'static str,
        partition: String,
        build_state: Option<BuildState>,
        after: Option<PackId>,
    ) -> Self {
        Self {
            index,
            attribute,
            partition,
            build_state,
            found: VecDeque::new(),
            after,
            depth: after,
            last_key: None,
            is_resumable: true,
            pages: 0,
            at_end: false,
        }
    }

    /// Reads pages until a record is found, the index ends or `MAX_PAGES` pages were read.
    async fn fill(&mut self, table: &Table, filter: &Filter, limit: usize) -> Result<(), Error> {
        while self.found.is_empty() && !self.at_end && (self.pages < MAX_PAGES || !self.is_resumable) {
            self.read_page(table, filter, limit).await?;
        }
        Ok(())
    }

    async fn read_page(&mut self, table: &Table, filter: &Filter, limit: usize) -> Result<(), Error> {
        let filtered = filter.name.is_some() || filter.version.is_some();
        let page_size = if filtered { FILTERED_PAGE } else { limit + 1 };
        let mut conditions = format!("{} = :partition", self.attribute);
        let mut query = table
            .client
            .query()
            .table_name(&table.name)
            .index_name(self.index)
            .scan_index_forward(false)
            .limit(i32::try_from(page_size).unwrap_or(i32::MAX))
            .set_exclusive_start_key(self.last_key.take())
            .expression_attribute_values(":partition", string(&self.partition));
        if let Some(after) = self.after {
            conditions.push_str(" AND pack_id < :after");
            query = query.expression_attribute_values(":after", string(after));
        }
        let mut wanted = Vec::new();
        if let Some(name) = &filter.name {
            wanted.push("#name = :name");
            query =
                query.expression_attribute_names("#name", "name").expression_attribute_values(":name", string(name));
        }
        if let Some(version) = &filter.version {
            wanted.push("#version = :version");
            query = query
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", string(version));
        }
        if let Some(state) = self.build_state {
            wanted.push("build_status = :state");
            query = query.expression_attribute_values(":state", string(state));
        }
        let wanted = (!wanted.is_empty()).then(|| wanted.join(" AND "));
        let query = query.key_condition_expression(conditions).set_filter_expression(wanted);

        let page = query.send().await.map_err(Error::call("Query"))?;
        self.pages += 1;
        let items = page.items.unwrap_or_default();
        self.found.extend(items.into_iter().filter_map(item::read_listed::<RecordItem>).map(Record::from));
        self.at_end = page.last_evaluated_key.is_none();
        if let Some(key) = page.last_evaluated_key {
            let id = item::cursor(&key);
            self.is_resumable = id.is_some();
            self.depth = id.or(self.depth);
            self.last_key = Some(key);
        }
        Ok(())
    }

    /// Returns the oldest id that was read, if all found records were taken and the index may have more.
    fn read_down_to(&self) -> Option<PackId> {
        self.depth.filter(|_| self.found.is_empty() && !self.at_end)
    }

    /// Returns the id of the newest record that was not yet taken.
    fn newest(&self) -> Option<PackId> {
        self.found.front().map(|record| record.id)
    }

    /// Takes the newest record if it has this id.
    fn take(&mut self, id: PackId) -> Option<Record> {
        if self.newest() == Some(id) { self.found.pop_front() } else { None }
    }
}
