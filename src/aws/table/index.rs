use pack_format::{PackName, Version};
use serde::Serialize;

use crate::records::{BuildStatus, OrgId, Record, Visibility};

/// A global secondary index of the table.
#[derive(Debug)]
pub struct Index {
    pub name: &'static str,
    pub partition_key: &'static str,
    pub sort_key: &'static str,
    /// The non-key attributes projected into the index. DynamoDB allows at most 100 across all indexes of a table.
    pub attributes: &'static [&'static str],
}

/// The attributes that a list shows for the caller's own packs.
const OWN: &[&str] = &[
    "archive_sha256",
    "attestation_digest",
    "build_error",
    "build_status",
    "created_at",
    "image_digest",
    "image_ref",
    "layer_digest",
    "manifest",
    "org_id",
    "quarantine_reason",
    "size_bytes",
    "updated_at",
    "uploaded_by",
    "visibility",
];

/// The attributes that a list shows for other orgs' packs, plus `org_id`, by which a scan skips the caller's own packs.
const COMMUNITY: &[&str] = &[
    "attestation_digest",
    "build_status",
    "created_at",
    "image_digest",
    "layer_digest",
    "manifest",
    "org_id",
    "size_bytes",
    "updated_at",
    "visibility",
];

/// Packs by org and visibility.
pub(super) const ORG_PACKS: Index = list("org-packs", "org_packs", OWN);
/// Packs by org, visibility and name.
pub(super) const ORG_NAMES: Index = list("org-names", "org_names", OWN);
/// The ready community packs.
pub(super) const COMMUNITY_PACKS: Index = list("community-packs", "community_packs", COMMUNITY);
/// The ready community packs by name.
pub(super) const COMMUNITY_NAMES: Index = list("community-names", "community_names", COMMUNITY);
/// The ready community packs by name and version.
pub(super) const COMMUNITY_VERSIONS: Index = list("community-versions", "community_versions", COMMUNITY);
/// The pending builds, purges and events, and the begun uploads, by due time.
const DUE: Index = Index { name: "due", partition_key: "due_shard", sort_key: "due_at", attributes: &[] };

/// All indexes of the table. `template.yaml` defines the same ones.
pub const INDEXES: [&Index; 6] =
    [&ORG_PACKS, &ORG_NAMES, &COMMUNITY_PACKS, &COMMUNITY_NAMES, &COMMUNITY_VERSIONS, &DUE];

/// Returns an index that serves lists. The sort key is the pack's id, which contains a ULID, so packs are sorted by
/// creation time.
const fn list(name: &'static str, partition_key: &'static str, attributes: &'static [&'static str]) -> Index {
    Index { name, partition_key, sort_key: "pack_id", attributes }
}

/// Returns the [`ORG_PACKS`] partition for an org and visibility.
pub(super) fn org_packs(org: OrgId, visibility: Visibility) -> String {
    format!("ORG#{org}#{visibility}")
}

/// Returns the [`ORG_NAMES`] partition for an org, visibility and name.
pub(super) fn org_names(org: OrgId, visibility: Visibility, name: &PackName) -> String {
    format!("ORG#{org}#{visibility}#{name}")
}

/// Returns the only partition of [`COMMUNITY_PACKS`].
pub(super) fn community_packs() -> String {
    "COMMUNITY".to_owned()
}

/// Returns the [`COMMUNITY_NAMES`] partition for a name.
pub(super) fn community_names(name: &PackName) -> String {
    format!("COMMUNITY#{name}")
}

/// Returns the [`COMMUNITY_VERSIONS`] partition for a name and version.
pub(super) fn community_versions(name: &PackName, version: &Version) -> String {
    format!("COMMUNITY#{name}#{version}")
}

/// The attributes that put a record into the indexes that serve lists.
#[derive(Debug, Default, Serialize)]
pub(super) struct ListKeys {
    pub(super) org_packs: String,
    pub(super) org_names: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) community: Option<CommunityKeys>,
}

/// The attributes that put a ready community pack into the lists of all orgs. A record has all of them or none.
#[derive(Debug, Serialize)]
pub(super) struct CommunityKeys {
    pub(super) community_packs: String,
    pub(super) community_names: String,
    pub(super) community_versions: String,
}

impl CommunityKeys {
    /// The assignments of the attributes, to append to the `SET` clause of an update expression.
    pub(super) const SET: &str = ", community_packs = :community_packs, community_names = :community_names, \
                                  community_versions = :community_versions";
    /// The names of the attributes, for the `REMOVE` clause of an update expression.
    pub(super) const NAMES: &str = "community_packs, community_names, community_versions";

    /// Returns a record's keys if this visibility and build status make the record visible to other orgs.
    pub(super) fn new(record: &Record, visibility: Visibility, status: &BuildStatus) -> Option<Self> {
        let manifest = &record.release.manifest;
        let is_listed = visibility == Visibility::Community && *status == BuildStatus::Ready;
        is_listed.then(|| Self {
            community_packs: community_packs(),
            community_names: community_names(&manifest.name),
            community_versions: community_versions(&manifest.name, &manifest.version),
        })
    }

    /// Returns the values for the placeholders in [`Self::SET`].
    pub(super) fn values(self) -> [(&'static str, String); 3] {
        [
            (":community_packs", self.community_packs),
            (":community_names", self.community_names),
            (":community_versions", self.community_versions),
        ]
    }
}

impl ListKeys {
    /// Returns the keys of a record with this visibility.
    pub(super) fn new(record: &Record, visibility: Visibility) -> Self {
        let org = record.release.org_id;
        Self {
            org_packs: org_packs(org, visibility),
            org_names: org_names(org, visibility, &record.release.manifest.name),
            community: CommunityKeys::new(record, visibility, &record.build.status),
        }
    }
}
