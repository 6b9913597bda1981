//! How often an org may use the API.

use std::{
    num::NonZeroUsize,
    time::{Duration, SystemTime},
};

use crate::{
    aws::{self, RateCounter, Table},
    cache::Cache,
    identity::{Exceeded, Org, OrgLimit, OrgLimits},
    records::{OrgId, Timestamp},
};

const MINUTE: Duration = Duration::from_secs(60);

/// The maximum number of orgs whose state is in memory.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// The counters of requests.
#[derive(Debug)]
pub struct Rates {
    table: Table,
    limits: OrgLimits,
    /// The minute in which a counter reached its limit. Until the minute ends, further requests are rejected without a
    /// call to the table.
    exhausted: Cache<(OrgId, RateCounter), Timestamp>,
}

/// Why a request must not continue.
#[derive(Debug, thiserror::Error)]
pub enum RateError {
    #[error("the org has sent too many requests")]
    Exceeded {
        exceeded: Exceeded,
        /// When the next request may be accepted.
        retry_after: Duration,
    },
    /// It is unknown whether the request was counted.
    #[error("the request could not be counted")]
    Storage(#[from] aws::Error),
}

impl Rates {
    /// `limits` apply to orgs that have no limits of their own.
    pub fn new(table: Table, limits: OrgLimits) -> Self {
        Self { table, limits, exhausted: Cache::new(MINUTE, CAPACITY) }
    }

    /// Counts a request that uploads, changes or deletes packs.
    ///
    /// # Errors
    /// Returns [`RateError::Exceeded`] if the org has reached its limit in this minute.
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
}
