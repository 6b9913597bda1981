use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use lru::LruCache;

use super::{ApiKey, Directory, KeyHash, Org, age::is_within};
use crate::records::OrgId;

/// How many keys, and how many orgs, are kept: those that were used last.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).expect("it is not zero");

/// A directory that remembers whom it found for a while, which is how long a revocation, or a change of billing, may
/// go unnoticed. What was not found is asked for again each time, and so is a revoked key.
#[derive(Debug)]
pub(super) struct CachedDirectory<D> {
    directory: D,
    api_keys: Cache<(OrgId, KeyHash), (Org, ApiKey)>,
    orgs: Cache<OrgId, Org>,
}

impl<D> CachedDirectory<D> {
    pub(super) fn new(directory: D, keep_for: Duration) -> Self {
        Self { directory, api_keys: Cache::new(keep_for), orgs: Cache::new(keep_for) }
    }
}

impl<D: Directory + Sync> Directory for CachedDirectory<D> {
    type Error = D::Error;

    async fn api_key(&self, org: OrgId, key: &KeyHash) -> Result<Option<(Org, ApiKey)>, D::Error> {
        let name = (org, *key);
        if let Some(found) = self.api_keys.get(&name) {
            return Ok(Some(found));
        }
        let asked_at = SystemTime::now();
        let found = self.directory.api_key(org, key).await?;
        if let Some(good) = found.as_ref().filter(|(_, key)| key.revoked_at.is_none()) {
            self.api_keys.put(name, asked_at, good.clone());
        }
        Ok(found)
    }

    async fn org(&self, id: OrgId) -> Result<Option<Org>, D::Error> {
        if let Some(org) = self.orgs.get(&id) {
            return Ok(Some(org));
        }
        let asked_at = SystemTime::now();
        let found = self.directory.org(id).await?;
        if let Some(org) = &found {
            self.orgs.put(id, asked_at, org.clone());
        }
        Ok(found)
    }
}

#[derive(Debug)]
struct Cache<K: Hash + Eq, V> {
    keep_for: Duration,
    /// Each with the moment at which the question was asked: what changed since then may not be in the answer.
    entries: Mutex<LruCache<K, (SystemTime, V)>>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    fn new(keep_for: Duration) -> Self {
        Self { keep_for, entries: Mutex::new(LruCache::new(CAPACITY)) }
    }

    fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.get(key).filter(|(asked_at, _)| is_within(*asked_at, self.keep_for));
        found.map(|(_, value)| value.clone())
    }

    fn put(&self, key: K, asked_at: SystemTime, value: V) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).put(key, (asked_at, value));
    }
}
