use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use pack_format::{Digest, Manifest, PackName, Version};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Key;
use crate::{
    aws::Error,
    records::{Build, BuildStatus, OrgId, PackId, Record, Release, Timestamp, Visibility},
};

/// The value of `community_packs` in the index of that name.
pub(super) const COMMUNITY: &str = "community";
/// The value of `pending` in the index of that name.
pub(super) const PENDING: &str = "build";

/// An item as the SDK has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// These attributes as the SDK has them.
pub(super) fn attributes(attributes: impl Serialize) -> Result<Item, Error> {
    serde_dynamo::to_item(attributes).map_err(Error::of("writing an item"))
}

/// An item of this key and these attributes.
pub(super) fn write(key: Key, of: impl Serialize) -> Result<Item, Error> {
    let mut item = attributes(of)?;
    item.extend(key.attributes());
    Ok(item)
}

/// The attributes of an item; those that nobody asks for are passed over.
pub(super) fn read<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    serde_dynamo::from_item(item).map_err(Error::of("reading an item"))
}

/// A record's attributes. An absent value is an absent attribute, never a NULL: an index passes over only that.
#[derive(Serialize, Deserialize)]
pub(super) struct RecordItem {
    pack_id: PackId,
    #[serde(rename = "org_packs")]
    org_id: OrgId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    community_packs: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<String>,

    name: PackName,
    version: Version,
    description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capabilities: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    suggested_packs: Vec<PackName>,

    visibility: Visibility,
    image_ref: String,
    image_digest: Digest,
    size_bytes: u64,
    created_at: Timestamp,
    updated_at: Timestamp,

    build_status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    build_error: Option<String>,
    staging_key: String,
    attempt: u32,
    sends: u32,
    enqueued_at: Timestamp,
}

/// `build_status`.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Queued,
    Ready,
    Failed,
}

impl From<Record> for RecordItem {
    fn from(Record { id, release, created_at, updated_at, build }: Record) -> Self {
        let Release { org_id, manifest, visibility, image_ref, image_digest, size_bytes } = release;
        let (build_status, build_error) = match build.status {
            BuildStatus::Queued => (Status::Queued, None),
            BuildStatus::Ready => (Status::Ready, None),
            BuildStatus::Failed { error } => (Status::Failed, Some(error)),
        };
        Self {
            pack_id: id,
            org_id,
            community_packs: (visibility == Visibility::Community).then(|| COMMUNITY.to_owned()),
            pending: (build_status == Status::Queued).then(|| PENDING.to_owned()),
            name: manifest.name,
            version: manifest.version,
            description: manifest.description,
            display_name: manifest.display_name,
            category: manifest.category,
            capabilities: manifest.capabilities,
            suggested_packs: manifest.suggested_packs,
            visibility,
            image_ref,
            image_digest,
            size_bytes,
            created_at,
            updated_at,
            build_status,
            build_error,
            staging_key: build.staging_key,
            attempt: build.attempt,
            sends: build.sends,
            enqueued_at: build.enqueued_at,
        }
    }
}

impl From<RecordItem> for Record {
    fn from(item: RecordItem) -> Self {
        let manifest = Manifest {
            name: item.name,
            version: item.version,
            description: item.description,
            display_name: item.display_name,
            category: item.category,
            capabilities: item.capabilities,
            suggested_packs: item.suggested_packs,
        };
        let release = Release {
            org_id: item.org_id,
            manifest,
            visibility: item.visibility,
            image_ref: item.image_ref,
            image_digest: item.image_digest,
            size_bytes: item.size_bytes,
        };
        let status = match item.build_status {
            Status::Queued => BuildStatus::Queued,
            Status::Ready => BuildStatus::Ready,
            Status::Failed => BuildStatus::Failed { error: item.build_error.unwrap_or_default() },
        };
        let build = Build {
            status,
            staging_key: item.staging_key,
            attempt: item.attempt,
            sends: item.sends,
            enqueued_at: item.enqueued_at,
        };
        Self { id: item.pack_id, release, created_at: item.created_at, updated_at: item.updated_at, build }
    }
}
