use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use pack_format::{Digest, Manifest, Secret};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Key, index::ListKeys};
use crate::{
    aws::Error,
    error_chain::ErrorChain,
    records::{Build, BuildStatus, ImageFormat, OrgId, PackId, Record, Release, Timestamp, Visibility},
    telemetry::Metrics,
};

/// All or some of an item's attributes, in the SDK's representation.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn attributes(attributes: impl Serialize) -> Result<Item, Error> {
    serde_dynamo::to_item(attributes).map_err(Error::EncodeItem)
}

/// Serializes a value into an item and adds `key`.
pub(super) fn write(key: Key, item: impl Serialize) -> Result<Item, Error> {
    let mut item = attributes(item)?;
    item.extend(key.attributes());
    Ok(item)
}

/// Deserializes an item. Ignores attributes that `T` does not have.
///
/// # Errors
/// Returns [`Error::Corrupt`] if the item cannot be deserialized, and counts it in the metric `CorruptItems`.
pub(super) fn read<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    let key = ["pk", "sk"].map(|name| item.get(name).and_then(|value| value.as_s().ok()).map_or("-", String::as_str));
    let key = key.join(" ");
    serde_dynamo::from_item(item).map_err(|error| {
        Metrics::default().count("CorruptItems", 1).write();
        Error::Corrupt { key, source: error.into() }
    })
}

/// Deserializes an item for a list. Logs a corrupt item and returns `None`, so that the list can skip it.
pub(super) fn read_listed<T: DeserializeOwned>(item: Item) -> Option<T> {
    read(item).inspect_err(|error| tracing::error!(error = %ErrorChain(error), "skipped a corrupt item in a list")).ok()
}

/// A record's attributes. A missing value must be a missing attribute, never a NULL, because `attribute_exists` is true
/// for a NULL, and DynamoDB does not accept a NULL as the key of an index.
#[derive(Serialize, Deserialize)]
pub(super) struct RecordItem {
    pack_id: PackId,
    org_id: OrgId,
    #[serde(flatten, skip_deserializing)]
    list_keys: ListKeys,

    /// Without its capabilities, so that the indexes do not contain them.
    manifest: Manifest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capabilities: Option<String>,
    visibility: Visibility,
    image_ref: String,
    image_digest: Digest,
    layer_digest: Digest,
    image_format: ImageFormat,
    size_bytes: u64,
    archive_sha256: Digest,
    uploaded_by: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets_found: Vec<Secret>,
    created_at: Timestamp,
    updated_at: Timestamp,

    #[serde(flatten)]
    build_status: BuildStatus,
    staging_key: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_in_layer_order: bool,
    attempt: u32,
    sends: u32,
    enqueued_at: Timestamp,
    tries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tried_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attestation_digest: Option<Digest>,
    reference_count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_counted: bool,
}

impl From<Record> for RecordItem {
    fn from(record: Record) -> Self {
        let list_keys = ListKeys::new(&record, record.release.visibility);
        let Record { id, release, created_at, updated_at, build, attestation_digest, reference_count } = record;
        let Release {
            org_id,
            mut manifest,
            visibility,
            image_ref,
            image_digest,
            layer_digest,
            image_format,
            size_bytes,
            archive_sha256,
            uploaded_by,
            secrets_found,
        } = release;
        Self {
            pack_id: id,
            org_id,
            list_keys,
            capabilities: manifest.capabilities.take(),
            manifest,
            visibility,
            image_ref,
            image_digest,
            layer_digest,
            image_format,
            size_bytes,
            archive_sha256,
            uploaded_by,
            secrets_found,
            created_at,
            updated_at,
            build_status: build.status,
            staging_key: build.staging_key,
            is_in_layer_order: build.is_in_layer_order,
            attempt: build.attempt,
            sends: build.sends,
            enqueued_at: build.enqueued_at,
            tries: build.tries,
            tried_at: build.tried_at,
            attestation_digest,
            reference_count,
            last_error: build.last_error,
            is_counted: build.is_counted,
        }
    }
}

impl From<RecordItem> for Record {
    fn from(item: RecordItem) -> Self {
        let release = Release {
            org_id: item.org_id,
            manifest: Manifest { capabilities: item.capabilities, ..item.manifest },
            visibility: item.visibility,
            image_ref: item.image_ref,
            image_digest: item.image_digest,
            layer_digest: item.layer_digest,
            image_format: item.image_format,
            size_bytes: item.size_bytes,
            archive_sha256: item.archive_sha256,
            uploaded_by: item.uploaded_by,
            secrets_found: item.secrets_found,
        };
        let build = Build {
            status: item.build_status,
            staging_key: item.staging_key,
            is_in_layer_order: item.is_in_layer_order,
            attempt: item.attempt,
            sends: item.sends,
            enqueued_at: item.enqueued_at,
            tries: item.tries,
            tried_at: item.tried_at,
            last_error: item.last_error,
            is_counted: item.is_counted,
        };
        Self {
            id: item.pack_id,
            release,
            created_at: item.created_at,
            updated_at: item.updated_at,
            build,
            attestation_digest: item.attestation_digest,
            reference_count: item.reference_count,
        }
    }
}
