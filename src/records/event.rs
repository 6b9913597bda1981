use pack_format::{Digest, PackName, Version};
use serde::{Deserialize, Serialize};
use strum::Display;

use super::{OrgId, PackId, Record, Timestamp};

/// What happened to a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum EventKind {
    /// A build succeeded.
    Ready,
    /// A build failed, or `requeue` gave up on it.
    Failed,
    /// The image and the record of a pack were deleted.
    Deleted,
}

impl EventKind {
    /// Returns the `detail-type` field of the event in EventBridge.
    pub fn detail_type(self) -> &'static str {
        match self {
            Self::Ready => "Pack Ready",
            Self::Failed => "Pack Failed",
            Self::Deleted => "Pack Deleted",
        }
    }
}

/// An event that tells other systems what happened to a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackEvent {
    #[serde(rename = "event_kind")]
    pub kind: EventKind,
    #[serde(flatten)]
    pub detail: EventDetail,
}

/// The `detail` field of an event in EventBridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDetail {
    /// The same for every delivery of the event: `<pack id>/<attempt>/<kind>`.
    pub event_id: String,
    pub pack_id: PackId,
    pub org_id: OrgId,
    pub name: PackName,
    pub version: Version,
    pub image_ref: String,
    pub image_digest: Digest,
    pub layer_digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_error: Option<String>,
    pub at: Timestamp,
}

impl PackEvent {
    pub fn ready(record: &Record, at: Timestamp) -> Self {
        Self::new(EventKind::Ready, record, None, at)
    }

    pub fn failed(record: &Record, error: &str, at: Timestamp) -> Self {
        Self::new(EventKind::Failed, record, Some(error.to_owned()), at)
    }

    pub fn deleted(record: &Record, at: Timestamp) -> Self {
        Self::new(EventKind::Deleted, record, None, at)
    }

    fn new(kind: EventKind, record: &Record, build_error: Option<String>, at: Timestamp) -> Self {
        let (pack_id, release) = (record.id, &record.release);
        let detail = EventDetail {
            event_id: format!("{pack_id}/{}/{kind}", record.build.attempt),
            pack_id,
            org_id: release.org_id,
            name: release.manifest.name.clone(),
            version: release.manifest.version.clone(),
            image_ref: release.image_ref.clone(),
            image_digest: release.image_digest,
            layer_digest: release.layer_digest,
            build_error,
            at,
        };
        Self { kind, detail }
    }
}
