use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use lru::LruCache;

use super::{ApiKey, Directory, KeyHash, Org, is_within};
use crate::records::OrgId;

/// The maximum number of entries in each cache. A full cache evicts its least recently used entry.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// A directory with a cache. A revocation or a change of billing takes effect when the cached entry expires. Revoked
/// keys, and keys and orgs that do not exist, are not cached.
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
        let read_at = SystemTime::now();
        let found = self.directory.api_key(org, key).await?;
        if let Some(valid) = found.as_ref().filter(|(_, key)| key.revoked_at.is_none()) {
            self.api_keys.put(name, read_at, valid.clone());
        }
        Ok(found)
    }

    async fn org(&self, id: OrgId) -> Result<Option<Org>, D::Error> {
        if let Some(org) = self.orgs.get(&id) {
            return Ok(Some(org));
        }
        let read_at = SystemTime::now();
        let found = self.directory.org(id).await?;
        if let Some(org) = &found {
            self.orgs.put(id, read_at, org.clone());
        }
        Ok(found)
    }
}

#[derive(Debug)]
struct Cache<K: Hash + Eq, V> {
    keep_for: Duration,
    /// Each value, with the time when its read began, because the value may not include later changes.
    entries: Mutex<LruCache<K, (SystemTime, V)>>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    fn new(keep_for: Duration) -> Self {
        Self { keep_for, entries: Mutex::new(LruCache::new(CAPACITY)) }
    }

    fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.get(key).filter(|(read_at, _)| is_within(*read_at, self.keep_for));
        found.map(|(_, value)| value.clone())
    }

    fn put(&self, key: K, read_at: SystemTime, value: V) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).put(key, (read_at, value));
    }
}
