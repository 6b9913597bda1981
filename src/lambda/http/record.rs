use std::mem;

use pack_format::{Digest, Manifest, PackName, Warning};
use serde::Serialize;

use crate::{
    identity::Caller,
    records::{BuildStatus, ListedPack, OrgId, PackId, Record, Release, Timestamp, Visibility},
};

/// A pack's record as the API returns it. Fields without a value are absent, never null.
#[derive(Debug, Serialize)]
pub(super) struct RecordView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<PackId>,
    /// Present only if the caller's org owns the pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<OrgId>,
    /// Without `suggested_packs`, which the API returns as a single string.
    #[serde(flatten)]
    manifest: Manifest,
    #[serde(skip_serializing_if = "String::is_empty")]
    suggested_packs: String,
    tier: &'static str,
    visibility: Visibility,
    image_origin: &'static str,
    /// Present only if the caller's org owns the pack, because the reference names the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_ref: Option<&'a str>,
    image_digest: Digest,
    layer_digest: Digest,
    size_bytes: u64,
    /// Present only if the caller's org owns the pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_sha256: Option<Digest>,
    /// Present only if the caller's org owns the pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    uploaded_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
    owned: bool,
    #[serde(flatten)]
    build_status: Option<&'a BuildStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attested: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation_digest: Option<Digest>,
    /// Present only in responses to uploads.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [Warning],
}

impl<'a> RecordView<'a> {
    pub(super) fn from_record(record: &'a Record, caller: &Caller) -> Self {
        Self {
            id: Some(record.id),
            created_at: Some(record.created_at),
            updated_at: Some(record.updated_at),
            build_status: Some(&record.build.status),
            attested: Some(record.attestation_digest.is_some()),
            attestation_digest: record.attestation_digest,
            ..Self::from_release(&record.release, caller)
        }
    }

    /// Returns the view for a dry run, without the fields that only a written record has.
    pub(super) fn from_release(release: &'a Release, caller: &Caller) -> Self {
        let owned = release.org_id == caller.org.id;
        Self {
            org_id: owned.then_some(release.org_id),
            visibility: release.visibility,
            image_ref: owned.then_some(&release.image_ref),
            size_bytes: release.size_bytes,
            archive_sha256: owned.then_some(release.archive_sha256),
            uploaded_by: owned.then_some(&release.uploaded_by),
            owned,
            ..Self::from_manifest(&release.manifest, release.image_digest, release.layer_digest)
        }
    }

    pub(super) fn from_listed(pack: &'a ListedPack, caller: &Caller) -> Self {
        let owned = pack.org_id == caller.org.id;
        Self {
            id: Some(pack.id),
            org_id: owned.then_some(pack.org_id),
            visibility: pack.visibility,
            image_ref: pack.image_ref.as_deref().filter(|_| owned),
            size_bytes: pack.size_bytes,
            archive_sha256: pack.archive_sha256.filter(|_| owned),
            uploaded_by: pack.uploaded_by.as_deref().filter(|_| owned),
            created_at: Some(pack.created_at),
            updated_at: Some(pack.updated_at),
            owned,
            build_status: Some(&pack.build_status),
            attested: Some(pack.attestation_digest.is_some()),
            attestation_digest: pack.attestation_digest,
            ..Self::from_manifest(&pack.manifest, pack.image_digest, pack.layer_digest)
        }
    }

    /// Returns a view of the manifest and the digests. The callers set the other fields.
    fn from_manifest(manifest: &'a Manifest, image_digest: Digest, layer_digest: Digest) -> Self {
        let mut manifest = manifest.clone();
        manifest.display_name.get_or_insert_with(|| manifest.name.to_string());
        let suggested = mem::take(&mut manifest.suggested_packs);
        let suggested: Vec<&str> = suggested.iter().map(PackName::as_str).collect();
        Self {
            id: None,
            org_id: None,
            manifest,
            suggested_packs: suggested.join(","),
            // Packs of the other tiers ship with the platform and are never uploaded.
            tier: "community",
            visibility: Visibility::Org,
            image_origin: "upload",
            image_ref: None,
            image_digest,
            layer_digest,
            size_bytes: 0,
            archive_sha256: None,
            uploaded_by: None,
            created_at: None,
            updated_at: None,
            owned: false,
            build_status: None,
            attested: None,
            attestation_digest: None,
            warnings: &[],
        }
    }

    pub(super) fn with_warnings(self, warnings: &'a [Warning]) -> Self {
        Self { warnings, ..self }
    }
}
