use pack_format::{PackName, Version};
use ulid::Ulid;

use super::{item::Item, string};
use crate::{
    identity::KeyHash,
    records::{OrgId, OrgSlug, PackId, Record, Reference, Timestamp, UploadId},
};

/// An item's primary key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pk: String,
    sk: String,
}

impl Key {
    /// The prefix of an API key's sort key.
    pub(super) const API_KEY_PREFIX: &str = "KEY#";
    /// The prefix of the partition key for an org's counters and begun uploads.
    pub(super) const QUOTA_PREFIX: &str = "QUOTA#";
    /// The prefix of a begun upload's sort key.
    pub(super) const UPLOAD_PREFIX: &str = "UPLOAD#";
    /// The prefix of an event's sort key.
    pub(super) const EVENT_PREFIX: &str = "EVENT#";

    /// Returns the partition key that an org shares with its API keys. No Lambda function may write to this partition.
    pub(super) fn org_partition(id: OrgId) -> String {
        format!("ORG#{id}")
    }

    pub(super) fn org(id: OrgId) -> Self {
        Self { pk: Self::org_partition(id), sk: "ORG".to_owned() }
    }

    pub(super) fn slug(slug: &OrgSlug) -> Self {
        Self { pk: format!("SLUG#{slug}"), sk: "SLUG".to_owned() }
    }

    pub(super) fn api_key(org: OrgId, hash: &KeyHash) -> Self {
        Self { pk: Self::org_partition(org), sk: format!("{}{hash}", Self::API_KEY_PREFIX) }
    }

    pub(super) fn audit(org: OrgId, entry: Ulid) -> Self {
        Self { pk: format!("AUDIT#{org}"), sk: entry.to_string() }
    }

    pub(super) fn record(id: PackId) -> Self {
        Self { pk: format!("PACK#{id}"), sk: "PACK".to_owned() }
    }

    pub(super) fn reference(id: PackId, reference: &Reference) -> Self {
        Self { pk: format!("PACK#{id}"), sk: format!("REF#{reference}") }
    }

    pub(super) fn event(id: PackId, event_id: &str) -> Self {
        Self { pk: format!("PACK#{id}"), sk: format!("{}{event_id}", Self::EVENT_PREFIX) }
    }

    pub(super) fn version_claim(org: OrgId, name: &PackName, version: &Version) -> Self {
        Self { pk: format!("VERSION#{org}"), sk: format!("{name}#{version}") }
    }

    pub(super) fn name(org: OrgId, name: &PackName) -> Self {
        Self { pk: format!("NAME#{org}"), sk: name.to_string() }
    }

    /// Returns the key of the item that counts an org's requests in the minute that begins at `minute`.
    pub(super) fn rate(org: OrgId, minute: Timestamp) -> Self {
        Self { pk: format!("RATE#{org}#{minute}"), sk: "RATE".to_owned() }
    }

    /// Returns the key of an org's counters.
    pub(super) fn quota(org: OrgId) -> Self {
        Self { pk: format!("{}{org}", Self::QUOTA_PREFIX), sk: "QUOTA".to_owned() }
    }

    pub(super) fn upload(org: OrgId, upload: UploadId) -> Self {
        Self { pk: format!("{}{org}", Self::QUOTA_PREFIX), sk: format!("{}{upload}", Self::UPLOAD_PREFIX) }
    }

    /// Returns the key of the claim on a record's version.
    pub(super) fn version_claim_of(record: &Record) -> Self {
        let manifest = &record.release.manifest;
        Self::version_claim(record.release.org_id, &manifest.name, &manifest.version)
    }

    pub(super) fn attributes(self) -> Item {
        Item::from([("pk".to_owned(), string(self.pk)), ("sk".to_owned(), string(self.sk))])
    }
}
