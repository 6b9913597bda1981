use super::{Key, Table, item::Item, number, string};
use crate::{
    aws::Error,
    error_chain::ErrorChain,
    records::{BuildState, InvalidId, OrgId, PackId, Record, Timestamp, UploadId},
};

/// The number of shards of the index `due`. Each shard is a separate partition, so writes to the index are not limited
/// to the write rate of a single partition.
pub const SHARDS: u8 = 8;
/// The maximum number of items in one page of the index.
const PAGE_ITEMS: i32 = 100;
/// The longest time from a send of a job until the job is due again, as a multiple of [`Table::resend_after`].
pub(super) const MAX_BACKOFF: u32 = 8;

/// An item in the index `due`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueItem {
    /// A record with a pending build or purge.
    Record(PackId),
    /// An event that has not been sent.
    Event { pack_id: PackId, event_id: String },
    /// A begun upload. `requeue` removes it when it is due.
    Upload { org_id: OrgId, upload_id: UploadId },
}

/// One page of a shard, in the order in which the items are due.
#[derive(Debug, Clone)]
pub struct DuePage {
    /// The index is eventually consistent, so some items may no longer be pending.
    pub items: Vec<DueItem>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<DueCursor>,
}

/// The position after a page: DynamoDB's `LastEvaluatedKey`.
#[derive(Debug, Clone)]
pub struct DueCursor(Item);

/// The schedule for pending builds, purges and events, and for begun uploads. An item is in the index `due` while it
/// has the attribute `due_at`.
impl Table {
    /// Returns the page of a shard that follows `after`, or the first page if `after` is `None`. Lists the items that
    /// are due at `now`, or all items if `now` is `None`. Skips items with an unreadable key.
    pub async fn due(&self, shard: u8, now: Option<Timestamp>, after: Option<DueCursor>) -> Result<DuePage, Error> {
        let query = self.client.query().table_name(&self.name).index_name("due").limit(PAGE_ITEMS);
        let query = query.expression_attribute_values(":shard", string(shard));
        let query = match now {
            None => query.key_condition_expression("due_shard = :shard"),
            Some(now) => query
                .key_condition_expression("due_shard = :shard AND due_at <= :now")
                .expression_attribute_values(":now", string(now)),
        };
        let query = query.set_exclusive_start_key(after.map(|DueCursor(key)| key));
        let page = query.send().await.map_err(Error::call("Query"))?;
        let items = page.items.unwrap_or_default().iter().filter_map(listed).collect();
        Ok(DuePage { items, next: page.last_evaluated_key.map(DueCursor) })
    }

    /// Counts another send of the record's job, and doubles the time until the job is due again, up to a maximum.
    /// Returns false if the record is no longer pending, or if its status or attempt has changed.
    pub async fn mark_sent(&self, record: &Record, now: Timestamp) -> Result<bool, Error> {
        let sends = record.build.sends.saturating_add(1);
        let backoff = 2_u32.saturating_pow(sends.saturating_sub(1)).min(MAX_BACKOFF);
        let update = self
            .update(Key::record(record.id), "SET enqueued_at = :now, sends = :sends, due_at = :due")
            .condition_expression("build_status = :status AND attempt = :attempt AND attribute_exists(due_at)")
            .expression_attribute_values(":now", string(now))
            .expression_attribute_values(":sends", number(sends))
            .expression_attribute_values(":due", string(now + self.resend_after * backoff))
            .expression_attribute_values(":status", string(BuildState::from(&record.build.status)))
            .expression_attribute_values(":attempt", number(record.build.attempt));
        super::applied(update).await
    }

    /// Postpones a pending record to `until`. Does nothing if its status, attempt or number of tries has changed since
    /// it was read.
    pub async fn postpone(&self, record: &Record, until: Timestamp) -> Result<(), Error> {
        let update = self
            .update(Key::record(record.id), "SET due_at = :until")
            .condition_expression(
                "build_status = :status AND attempt = :attempt AND tries = :tries AND attribute_exists(due_at)",
            )
            .expression_attribute_values(":until", string(until))
            .expression_attribute_values(":status", string(BuildState::from(&record.build.status)))
            .expression_attribute_values(":attempt", number(record.build.attempt))
            .expression_attribute_values(":tries", number(record.build.tries));
        super::applied(update).await?;
        Ok(())
    }
}

/// Adds the attributes of the index `due` to an item. `random` selects the shard; it is the `random_byte` of the pack's
/// or the upload's id. Without `due_at`, the item is not in the index.
pub(super) fn add_attributes(item: &mut Item, random: u8, due_at: Option<Timestamp>) {
    item.insert("due_shard".to_owned(), string(random % SHARDS));
    item.extend(due_at.map(|due_at| ("due_at".to_owned(), string(due_at))));
}

/// Parses the key of a listed item. If it is unreadable, logs it and returns `None`.
fn listed(item: &Item) -> Option<DueItem> {
    let [pk, sk] =
        ["pk", "sk"].map(|name| item.get(name).and_then(|value| value.as_s().ok()).map_or("-", String::as_str));
    let item = match (pk.strip_prefix(Key::QUOTA_PREFIX), sk.strip_prefix(Key::UPLOAD_PREFIX)) {
        (Some(org), Some(upload)) => upload_item(org, upload),
        _ => pack_item(pk, sk),
    };
    item.inspect_err(
        |error| tracing::error!(pk, sk, error = %ErrorChain(error), "skipped a due item with an unreadable key"),
    )
    .ok()
}

fn upload_item(org: &str, upload: &str) -> Result<DueItem, InvalidId> {
    Ok(DueItem::Upload { org_id: org.parse()?, upload_id: upload.parse()? })
}

fn pack_item(pk: &str, sk: &str) -> Result<DueItem, InvalidId> {
    let id = pk.strip_prefix("PACK#").ok_or(InvalidId)?.parse()?;
    Ok(match sk.strip_prefix(Key::EVENT_PREFIX) {
        Some(event_id) => DueItem::Event { pack_id: id, event_id: event_id.to_owned() },
        None => DueItem::Record(id),
    })
}
