//! The use cases that read packs, their attestations, and the public keys that verify the attestations.

use std::{
    error::Error,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, SystemTime},
};

use attestation::{InvalidPublicKey, PublicKey};
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::{
    aws::{self, Attestations, Table},
    cache::Cache,
    error_chain::ErrorChain,
    identity::Caller,
    records::{BuildStatus, PackId, Record, Visibility},
};

pub use crate::aws::{Filter, NameFilter, Page};

/// How long the public keys are cached. Without the cache, each request for the keys would read the bucket, and anyone
/// can send such requests, even without a credential.
const KEEP_KEYS_FOR: Duration = Duration::from_secs(60);

/// The packs that callers are allowed to see, and their attestations.
#[derive(Debug, Clone)]
pub struct Catalog {
    table: Table,
    attestations: Attestations,
    keys: Arc<Cache<(), Vec<PublicKey>>>,
}

impl Catalog {
    pub fn new(table: Table, attestations: Attestations) -> Self {
        Self { table, attestations, keys: Arc::new(Cache::new(KEEP_KEYS_FOR, NonZeroUsize::MIN)) }
    }

    /// Returns a pack, or `None` if it does not exist or the caller is not allowed to see it.
    ///
    /// # Errors
    /// Returns [`aws::Error::Corrupt`] if the record is corrupt, because it is then unknown whether the caller may see
    /// it.
    pub async fn get(&self, caller: &Caller, id: PackId) -> Result<Option<Record>, aws::Error> {
        Ok(self.table.record(id).await?.filter(|record| is_visible(record, caller)))
    }

    /// Lists the packs that match `filter` and that the caller may see: the packs of the caller's org and all ready
    /// community packs, newest first. The page starts after `cursor` and contains at most `limit` packs; it may contain
    /// fewer, or none, even if it is not the last page.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &Filter,
        limit: usize,
        cursor: Option<PackId>,
    ) -> Result<Page, aws::Error> {
        self.table.list(caller.org.id, filter, limit, cursor).await
    }

    /// Returns the bundles that attest a pack of the caller's org, or `None` if the org has no such pack. The list is
    /// empty until a build of the current attempt has attested the image and succeeded, because a stored bundle may
    /// attest an earlier attempt.
    pub async fn attestations(&self, caller: &Caller, id: PackId) -> Result<Option<Vec<Box<RawValue>>>, aws::Error> {
        let found = self.table.record(id).await?.filter(|record| record.release.org_id == caller.org.id);
        let Some(Record { release, attestation_digest, .. }) = found else { return Ok(None) };
        if attestation_digest.is_none() {
            return Ok(Some(Vec::new()));
        }
        let bundle = self.attestations.get(&release).await?;
        let bundle = bundle.map(|bundle| serde_json::from_slice(&bundle)).transpose();
        let bundle = bundle.map_err(|error| corrupt(Attestations::key(&release), error))?;
        Ok(Some(Vec::from_iter(bundle)))
    }

    /// Returns the public keys that verify the bundles. The list may be up to a minute old. Objects that are not public
    /// keys are logged and skipped.
    pub async fn attestation_keys(&self) -> Result<Vec<PublicKey>, aws::Error> {
        if let Some(keys) = self.keys.get(&()) {
            return Ok(keys);
        }
        let parse = |(key, pem): (String, Bytes)| {
            let pem = std::str::from_utf8(&pem).unwrap_or_default();
            let parsed = pem.parse().map_err(|error: InvalidPublicKey| corrupt(key, error));
            parsed
                .inspect_err(
                    |error| tracing::error!(error = %ErrorChain(error), "skipped an object that is not a public key"),
                )
                .ok()
        };
        let read_at = SystemTime::now();
        let keys: Vec<_> = self.attestations.keys().await?.into_iter().filter_map(parse).collect();
        self.keys.put((), read_at, keys.clone());
        Ok(keys)
    }
}

fn corrupt(key: String, source: impl Into<Box<dyn Error + Send + Sync>>) -> aws::Error {
    aws::Error::Corrupt { key, source: source.into() }
}

fn is_visible(record: &Record, caller: &Caller) -> bool {
    let is_shared = match record.release.visibility {
        Visibility::Org => false,
        Visibility::Community => record.build.status == BuildStatus::Ready,
    };
    is_shared || record.release.org_id == caller.org.id
}
