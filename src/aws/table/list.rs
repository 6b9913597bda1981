use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::AttributeValue;
use pack_format::{PackName, Version};

use super::{
    Table,
    item::{self, COMMUNITY, Item, RecordItem},
    string,
};
use crate::{
    aws::Error,
    records::{BuildState, OrgId, PackId, Record, Visibility},
};

/// The maximum number of pages that a list reads from each index. If the last of them ends with an unreadable id, the
/// list reads further pages until one ends with a readable id.
const MAX_PAGES: u32 = 10;
/// The page size, in records, of a query with a filter. It is large because the filter may skip most records.
const FILTERED_PAGE: usize = 1_000;

/// Which packs a list returns. A field that is `None` allows all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub name: Option<NameFilter>,
    /// Whether the packs belong to the caller's org.
    pub owned: Option<bool>,
    pub visibility: Option<Visibility>,
}

/// Allows the packs with a name, or one version of them.
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

    /// Returns whether a page of an index may have records that do not match.
    fn skips_records(&self) -> bool {
        self.name.is_some() || self.visibility.is_some() || self.owned == Some(false)
    }

    /// Returns the conditions on the items of both indexes.
    fn conditions(&self) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(NameFilter { name, version }) = &self.name {
            conditions.add("name", "=", name);
            if let Some(version) = version {
                conditions.add("version", "=", version);
            }
        }
        if let Some(visibility) = self.visibility {
            conditions.add("visibility", "=", visibility);
        }
        conditions
    }
}

/// One page of a list, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    pub records: Vec<Record>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<PackId>,
}

impl Table {
    /// Lists the packs that match `filter`, newest first: the org's own packs and the ready community packs of all
    /// orgs. Returns at most `limit` records, starting after `after`, without their capabilities. Skips corrupt
    /// records.
    ///
    /// Stops reading an index after `MAX_PAGES` pages. In that case, the result may be short or empty, and its `next`
    /// continues the search.
    pub async fn list(&self, org: OrgId, filter: &Filter, limit: usize, after: Option<PackId>) -> Result<Page, Error> {
        let page_size = if filter.skips_records() { FILTERED_PAGE } else { limit + 1 };
        let mut own = IndexScan::new("org-packs", "org_packs", org.to_string(), filter.conditions(), page_size, after);
        let mut ready = filter.conditions();
        ready.add("build_status", "=", BuildState::Ready);
        if !filter.allows_own() {
            ready.add("org_packs", "<>", org);
        }
        let mut community =
            IndexScan::new("community-packs", "community_packs", COMMUNITY.to_owned(), ready, page_size, after);
        own.at_end = !filter.allows_own();
        community.at_end = !filter.allows_others();
        let mut records: Vec<Record> = Vec::new();
        loop {
            tokio::try_join!(own.fill(self), community.fill(self))?;
            // An index may still have unread records below `read_down_to`, so a record below that id may not be the
            // newest.
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

/// Conditions on an item's attributes. An item must meet all of them.
#[derive(Default)]
struct Conditions {
    expressions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Conditions {
    fn add(&mut self, attribute: &'static str, operator: &'static str, value: impl ToString) {
        self.expressions.push(format!("#{attribute} {operator} :{attribute}"));
        self.names.insert(format!("#{attribute}"), attribute.to_owned());
        self.values.insert(format!(":{attribute}"), string(value));
    }
}

/// A scan of one partition of an index, from the newest record to the oldest.
struct IndexScan {
    index: &'static str,
    attribute: &'static str,
    partition: String,
    conditions: Conditions,
    /// How many items to read at a time. DynamoDB also ends a page after 1 MB.
    page_size: usize,
    /// Records that were read but not yet taken.
    found: VecDeque<Record>,
    after: Option<PackId>,
    /// The last readable id at the end of a page, or `after` if there is none. All newer records were read.
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
        conditions: Conditions,
        page_size: usize,
        after: Option<PackId>,
    ) -> Self {
        Self {
            index,
            attribute,
            partition,
            conditions,
            page_size,
            found: VecDeque::new(),
            after,
            depth: after,
            last_key: None,
            is_resumable: true,
            pages: 0,
            at_end: false,
        }
    }

    /// Reads pages until a record is found or the index ends. Stops after `MAX_PAGES` pages, but only at a page that
    /// ends with a readable id.
    async fn fill(&mut self, table: &Table) -> Result<(), Error> {
        while self.found.is_empty() && !self.at_end && (self.pages < MAX_PAGES || !self.is_resumable) {
            self.read_page(table).await?;
        }
        Ok(())
    }

    async fn read_page(&mut self, table: &Table) -> Result<(), Error> {
        let Conditions { expressions, names, values } = &self.conditions;
        let mut key_condition = format!("{} = :partition", self.attribute);
        let mut query = table
            .client
            .query()
            .table_name(&table.name)
            .index_name(self.index)
            .scan_index_forward(false)
            .limit(i32::try_from(self.page_size).unwrap_or(i32::MAX))
            .set_exclusive_start_key(self.last_key.take())
            .set_filter_expression((!expressions.is_empty()).then(|| expressions.join(" AND ")))
            .set_expression_attribute_names((!names.is_empty()).then(|| names.clone()))
            .set_expression_attribute_values(Some(values.clone()))
            .expression_attribute_values(":partition", string(&self.partition));
        if let Some(after) = self.after {
            key_condition.push_str(" AND pack_id < :after");
            query = query.expression_attribute_values(":after", string(after));
        }
        let query = query.key_condition_expression(key_condition);

        let page = query.send().await.map_err(Error::call("Query"))?;
        self.pages += 1;
        let items = page.items.unwrap_or_default();
        self.found.extend(items.into_iter().filter_map(item::read_listed::<RecordItem>).map(listed));
        self.at_end = page.last_evaluated_key.is_none();
        if let Some(key) = page.last_evaluated_key {
            let id = item::cursor(&key);
            self.is_resumable = id.is_some();
            self.depth = id.or(self.depth);
            self.last_key = Some(key);
        }
        Ok(())
    }

    /// Returns `depth` if all found records were taken and the index may have more.
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

/// Returns a record without its capabilities. Lists do not show them, and 1,000 packs may have 32 MB of them.
fn listed(item: RecordItem) -> Record {
    let mut record = Record::from(item);
    record.release.manifest.capabilities = None;
    record
}
