//! Limits how many read-only requests an org may send per second, and how many other requests per minute.

mod bucket;

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use lru::LruCache;

use self::bucket::Bucket;
use crate::{
    aws::{self, RateCounter, Table},
    cache::Cache,
    identity::{Exceeded, Org, OrgLimit, OrgLimits},
    records::{OrgId, Timestamp},
};

const MINUTE: Duration = Duration::from_secs(60);

/// The maximum number of entries in each of `Rates::exhausted` and `Rates::reads`.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// A rate limiter: counts the requests of each org, and rejects those that exceed the org's limits.
#[derive(Debug)]
pub struct Rates {
    table: Table,
    limits: OrgLimits,
    /// The minute in which each counter reached its limit. Until that minute ends, later requests are rejected without
    /// a call to the table.
    exhausted: Cache<(OrgId, RateCounter), Timestamp>,
    /// The token bucket for each org's read-only requests. Each instance of the Lambda function has its own buckets.
    reads: Mutex<LruCache<OrgId, Bucket>>,
}

/// Why a request was rejected or could not be counted.
#[derive(Debug, thiserror::Error)]
pub enum RateError {
    #[error("the org has sent too many requests")]
    Exceeded {
        exceeded: Exceeded,
        /// How long the client should wait before it sends the next request.
        retry_after: Duration,
    },
    /// It is unknown whether the request was counted.
    #[error("the request could not be counted")]
    Storage(#[from] aws::Error),
}

impl Rates {
    /// `limits` are the configured values; an org's own values replace them.
    pub fn new(table: Table, limits: OrgLimits) -> Self {
        let reads = Mutex::new(LruCache::new(CAPACITY));
        Self { table, limits, exhausted: Cache::new(MINUTE, CAPACITY), reads }
    }

    /// Counts a request that begins, checks or submits an upload, or that changes or deletes a pack.
    ///
    /// # Errors
    /// Returns [`RateError::Exceeded`] if `counter` has reached the org's limit in the current minute.
    pub async fn count(&self, org: &Org, counter: RateCounter) -> Result<(), RateError> {
        let limit = OrgLimit::UploadsPerMinute;
        let Some(maximum) = self.limits.overridden_by(&org.limits).maximum(limit) else { return Ok(()) };
        let now = Timestamp::now();
        let minute = now.start_of_minute();
        let name = (org.id, counter);
        if self.exhausted.get(&name) != Some(minute) {
            if self.table.count_request(org.id, counter, maximum, minute).await? {
                return Ok(());
            }
            self.exhausted.put(name, SystemTime::now(), minute);
        }
        let exceeded = Exceeded { limit, maximum };
        Err(RateError::Exceeded { exceeded, retry_after: (minute + MINUTE).since(now) })
    }

    /// Counts a read-only request in memory, without a call to DynamoDB. The limit therefore applies to each instance
    /// of the Lambda function separately.
    ///
    /// # Errors
    /// Returns [`RateError::Exceeded`] if the org has sent too many read-only requests in the last second.
    pub fn count_read(&self, org: &Org) -> Result<(), RateError> {
        let limit = OrgLimit::ReadsPerSecond;
        let Some(maximum) = self.limits.overridden_by(&org.limits).maximum(limit) else { return Ok(()) };
        let (per_second, now) = (maximum as f64, SystemTime::now());
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = reads.get(&org.id).copied().unwrap_or_else(|| Bucket::full(per_second, now));
        let (bucket, is_taken) = bucket.take(per_second, now);
        reads.put(org.id, bucket);
        let exceeded = Exceeded { limit, maximum };
        if is_taken { Ok(()) } else { Err(RateError::Exceeded { exceeded, retry_after: Duration::from_secs(1) }) }
    }
}
