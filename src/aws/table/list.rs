use std::collections::VecDeque;

use pack_format::{PackName, Version};
use serde::Deserialize;

use super::{
    Table,
    item::{self, COMMUNITY, Item, RecordItem},
    string,
};
use crate::{
    aws::Error,
    records::{OrgId, PackId, Record},
};

/// How many pages of each index one list reads at most.
const MAX_PAGES: u32 = 10;
/// How many records of an index a page looks at when a filter may pass over them.
const FILTERED_PAGE: usize = 1_000;

/// Narrows a list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only packs of this name.
    pub name: Option<PackName>,
    /// Only packs of this version.
    pub version: Option<Version>,
}

/// A part of a list, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page begins: after this id. `None` at the list's end.
    pub next: Option<PackId>,
}

impl Table {
    /// An org's own packs and every org's community packs, newest first, at most `limit`, beginning after `after`.
    ///
    /// At most ten pages of each index are read, of a thousand records each where there is a filter. A filter that
    /// passes over more than that ends the page early, perhaps with no record, and `next` says where to go on.
    ///
    /// # Errors
    /// When DynamoDB fails, or an item cannot be read.
    pub async fn list(&self, org: OrgId, filter: &Filter, limit: usize, after: Option<PackId>) -> Result<Page, Error> {
        let mut own = IndexScan::new("org-packs", "org_packs", org.to_string(), after);
        let mut community = IndexScan::new("community-packs", "community_packs", COMMUNITY.to_owned(), after);
        let mut records: Vec<Record> = Vec::new();
        loop {
            tokio::try_join!(own.fill(self, filter, limit), community.fill(self, filter, limit))?;
            // Below the depth to which both indexes were looked at there may be records that come first.
            let horizon = own.horizon().max(community.horizon());
            let newest = own.newest().max(community.newest()).filter(|&id| Some(id) > horizon);
            let Some(newest) = newest else { return Ok(Page { records, next: horizon }) };
            if records.len() >= limit {
                return Ok(Page { next: records.last().map(|record| record.id), records });
            }
            let (mine, theirs) = (own.take(newest), community.take(newest));
            records.extend(mine.or(theirs));
        }
    }
}

/// The way down one partition of an index, from the newest record to the oldest.
struct IndexScan {
    index: &'static str,
    attribute: &'static str,
    partition: String,
    /// Read and not yet taken.
    found: VecDeque<Record>,
    /// All that is newer was looked at.
    depth: Option<PackId>,
    pages: u32,
    at_end: bool,
}

impl IndexScan {
    fn new(index: &'static str, attribute: &'static str, partition: String, after: Option<PackId>) -> Self {
        Self { index, attribute, partition, found: VecDeque::new(), depth: after, pages: 0, at_end: false }
    }

    /// Reads on until there is a record to take, the end is reached, or enough was read.
    async fn fill(&mut self, table: &Table, filter: &Filter, limit: usize) -> Result<(), Error> {
        while self.found.is_empty() && !self.at_end && self.pages < MAX_PAGES {
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
            .expression_attribute_values(":partition", string(&self.partition));
        if let Some(depth) = self.depth {
            conditions.push_str(" AND pack_id < :depth");
            query = query.expression_attribute_values(":depth", string(depth));
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
        let wanted = filtered.then(|| wanted.join(" AND "));
        let query = query.key_condition_expression(conditions).set_filter_expression(wanted);

        let page = query.send().await.map_err(Error::of("Query"))?;
        self.pages += 1;
        for item in page.items.unwrap_or_default() {
            self.found.push_back(item::read::<RecordItem>(item)?.into());
        }
        match page.last_evaluated_key {
            Some(key) => self.depth = Some(pack_id(key)?),
            None => self.at_end = true,
        }
        Ok(())
    }

    /// How deep was looked, where nothing is left to take and there may be more.
    fn horizon(&self) -> Option<PackId> {
        self.depth.filter(|_| self.found.is_empty() && !self.at_end)
    }

    /// The newest record that was not yet taken.
    fn newest(&self) -> Option<PackId> {
        self.found.front().map(|record| record.id)
    }

    /// Takes the newest record if it is the one of this id.
    fn take(&mut self, id: PackId) -> Option<Record> {
        if self.newest() == Some(id) { self.found.pop_front() } else { None }
    }
}

/// The pack's id in an item or key of an index.
pub(super) fn pack_id(item: Item) -> Result<PackId, Error> {
    #[derive(Deserialize)]
    struct Indexed {
        pack_id: PackId,
    }
    let Indexed { pack_id } = item::read(item)?;
    Ok(pack_id)
}
