use pack_format::{Digest, Manifest, Visibility};
use serde::Deserialize;

use super::{BuildStatus, OrgId, PackId, Record, Timestamp};

/// A pack as a list shows it: some of the fields of [`Record`] and [`Release`](super::Release), and a manifest without
/// capabilities.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ListedPack {
    #[serde(rename = "pack_id")]
    pub id: PackId,
    pub org_id: OrgId,
    pub manifest: Manifest,
    pub visibility: Visibility,
    /// `None` if the pack was read from a community index, which does not contain this attribute.
    #[serde(default)]
    pub image_ref: Option<String>,
    pub image_digest: Digest,
    pub layer_digest: Digest,
    pub size_bytes: u64,
    /// `None` if the pack was read from a community index, which does not contain this attribute.
    #[serde(default)]
    pub archive_sha256: Option<Digest>,
    /// `None` if the pack was read from a community index, which does not contain this attribute.
    #[serde(default)]
    pub uploaded_by: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(flatten)]
    pub build_status: BuildStatus,
    #[serde(default)]
    pub attestation_digest: Option<Digest>,
}

impl From<Record> for ListedPack {
    fn from(Record { id, release, created_at, updated_at, build, attestation_digest, .. }: Record) -> Self {
        Self {
            id,
            org_id: release.org_id,
            manifest: Manifest { capabilities: None, ..release.manifest },
            visibility: release.visibility,
            image_ref: Some(release.image_ref),
            image_digest: release.image_digest,
            layer_digest: release.layer_digest,
            size_bytes: release.size_bytes,
            archive_sha256: Some(release.archive_sha256),
            uploaded_by: Some(release.uploaded_by),
            created_at,
            updated_at,
            build_status: build.status,
            attestation_digest,
        }
    }
}
