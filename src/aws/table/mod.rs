//! The DynamoDB table, its items and its indexes.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | org | `ORG#<org id>` | `ORG` |
//! | slug claim: makes an org's slug unique | `SLUG#<slug>` | `SLUG` |
//! | API key | `ORG#<org id>` | `KEY#<SHA-256 of the secret>` |
//! | audit entry of an org | `AUDIT#<org id>` | `<ULID>` |
//! | record | `PACK#<pack id>` | `PACK` |
//! | event that has not been sent | `PACK#<pack id>` | `EVENT#<event id>` |
//! | reference to a pack | `PACK#<pack id>` | `REF#<reference>` |
//! | version claim: makes a name and version unique in an org | `VERSION#<org id>` | `<name>#<version>` |
//! | name that an org has used, with the capabilities of its highest versions | `NAME#<org id>` | `<name>` |
//! | quota: an org's counters | `QUOTA#<org id>` | `QUOTA` |
//! | upload that has begun | `QUOTA#<org id>` | `UPLOAD#<upload id>` |
//! | rate: counts an org's requests in one minute; expires | `RATE#<org id>#<minute>` | `RATE` |
//!
//! | index | partition key | sort key | contents |
//! |---|---|---|---|
//! | `org-packs` | `org_packs`: `ORG#<org id>#<visibility>` | `pack_id` | all records |
//! | `org-names` | `org_names`: `ORG#<org id>#<visibility>#<name>` | `pack_id` | all records |
//! | `community-packs` | `community_packs`: `COMMUNITY` | `pack_id` | ready community packs |
//! | `community-names` | `community_names`: `COMMUNITY#<name>` | `pack_id` | ready community packs |
//! | `community-versions` | `community_versions`: `COMMUNITY#<name>#<version>` | `pack_id` | ready community packs |
//! | `due` | `due_shard`: a digit from 0 to 7 | `due_at` | pending records, events and begun uploads; keys only |
//!
//! The indexes that serve lists contain every attribute that a list shows. Each write that changes an attribute also
//! updates the index attributes that depend on it.

mod audit;
mod begun;
mod capabilities;
mod due;
mod events;
mod index;
mod index_scan;
mod item;
mod key;
mod keys;
mod lifecycle;
mod list;
mod orgs;
mod publishing;
mod purging;
mod quarantine;
mod quotas;
mod rates;
mod records;
mod references;
mod seen;
mod states;
mod transaction;

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::AttributeValue,
};
use serde::de::DeserializeOwned;

pub use self::{
    due::{DueCursor, DueItem, DuePage, SHARDS},
    index::{INDEXES, Index},
    list::{Filter, NameFilter, Page},
    publishing::Lease,
    quotas::Usage,
    rates::RateCounter,
    records::{Created, VersionState},
    seen::Seen,
};
use self::{index_scan::PageCache, key::Key, transaction::Transaction};
use crate::aws::Error;

/// A client for the DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    client: aws_sdk_dynamodb::Client,
    name: String,
    /// The cache for lists of community packs. `None` disables it.
    community_pages: Option<Arc<PageCache>>,
    /// The time from the first send of a job until the job is due again. It must be at least the time for which the
    /// queue redelivers the job.
    pub(crate) resend_after: Duration,
    /// Whether to store events, so that they can be sent to an event bus.
    stores_events: bool,
}

impl Table {
    /// The default for `resend_after`: the visibility timeout of both queues (12 minutes) times their `maxReceiveCount`
    /// (5).
    pub const RESEND_AFTER: Duration = Duration::from_secs(3_600);

    pub fn new(client: aws_sdk_dynamodb::Client, name: String) -> Self {
        Self { client, name, community_pages: None, resend_after: Self::RESEND_AFTER, stores_events: false }
    }

    /// Returns this table with a cache for index pages of community packs, which are the same for every caller. A list
    /// may then show another org's pack as it was up to `keep_for` ago. The caller's own packs never come from the
    /// cache. If `keep_for` is zero, there is no cache.
    #[must_use]
    pub fn with_community_cache(self, keep_for: Duration) -> Self {
        let cache = (!keep_for.is_zero()).then(|| Arc::new(index_scan::page_cache(keep_for)));
        Self { community_pages: cache, ..self }
    }

    /// Returns a table whose jobs are due again `resend_after` after their first send.
    #[must_use]
    pub fn with_resend_after(self, resend_after: Duration) -> Self {
        Self { resend_after, ..self }
    }

    /// Reads an item with a strongly consistent read.
    async fn get<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>, Error> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(key.attributes())).consistent_read(true);
        let output = get.send().await.map_err(Error::call("GetItem"))?;
        output.item.map(item::read).transpose()
    }

    fn update(&self, key: Key, expression: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.name).set_key(Some(key.attributes()));
        update.update_expression(expression)
    }
}

/// Sends a conditional update. Returns false if the condition fails.
async fn applied(update: UpdateItemFluentBuilder) -> Result<bool, Error> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
            Ok(false)
        }
        Err(error) => Err(Error::call("UpdateItem")(error)),
    }
}

fn string(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
