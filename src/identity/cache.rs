use std::{
    num::NonZeroUsize,
    time::{Duration, SystemTime},
};

use super::{ApiKey, Directory, KeyHash, Org};
use crate::{cache::Cache, records::OrgId};

/// The maximum number of entries in each cache.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");

/// A directory with a cache. A change to a key or an org, such as a revocation, takes effect when the cached entry
/// expires. Revoked keys, and keys and orgs that do not exist, are not cached.
#[derive(Debug)]
pub(super) struct CachedDirectory<D> {
    directory: D,
    api_keys: Cache<(OrgId, KeyHash), (Org, ApiKey)>,
    orgs: Cache<OrgId, Org>,
}

impl<D> CachedDirectory<D> {
    pub(super) fn new(directory: D, keep_for: Duration) -> Self {
        Self { directory, api_keys: Cache::new(keep_for, CAPACITY), orgs: Cache::new(keep_for, CAPACITY) }
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
