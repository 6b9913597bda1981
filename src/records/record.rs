use pack_format::{Digest, Manifest};
use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use strum::{Display, EnumDiscriminants, EnumString};

use super::{OrgId, PackId, Timestamp};

/// Who may see a pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Display, EnumString, SerializeDisplay, DeserializeFromStr)]
#[strum(serialize_all = "lowercase")]
pub enum Visibility {
    /// Only the org that owns it.
    #[default]
    Org,
    /// All orgs.
    Community,
}

/// What an upload publishes: everything that is known about a pack after validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub org_id: OrgId,
    pub manifest: Manifest,
    pub visibility: Visibility,
    /// The reference of its image, which can be pulled once the build is ready: `<registry>/<org slug>/<name>:<tag>`.
    pub image_ref: String,
    /// The digest of the image manifest. It depends only on the pack's content, so equal digests mean equal packs.
    pub image_digest: Digest,
    /// The size of the image's config and layer, in bytes.
    pub size_bytes: u64,
}

/// A pack as the table stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub id: PackId,
    pub release: Release,
    pub created_at: Timestamp,
    /// When the build status last changed.
    pub updated_at: Timestamp,
    pub build: Build,
}

impl Record {
    /// Returns a new record, queued for its first attempt.
    pub fn queued(release: Release, staging_key: String, now: Timestamp) -> Self {
        let build = Build { status: BuildStatus::Queued, staging_key, attempt: 1, sends: 1, enqueued_at: now };
        Self { id: PackId::generate(), release, created_at: now, updated_at: now, build }
    }

    /// Returns this record, queued for its next attempt. That attempt builds another staged archive with the same
    /// content.
    pub fn queued_again(&self, staging_key: String, now: Timestamp) -> Self {
        let attempt = self.build.attempt.saturating_add(1);
        let build = Build { status: BuildStatus::Queued, staging_key, attempt, sends: 1, enqueued_at: now };
        Self { updated_at: now, build, ..self.clone() }
    }
}

/// The build of a record's image.
///
/// `Ready` may overwrite `Queued` and `Failed`. `Failed` overwrites only `Queued` of the same attempt. Nothing
/// overwrites `Ready`. Queuing a build again increments the attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    pub status: BuildStatus,
    /// The key of the staged archive.
    pub staging_key: String,
    /// The attempt's number, starting at 1. A job of an earlier attempt cannot fail the record.
    pub attempt: u32,
    /// How many jobs were sent for this attempt. A new record counts the job that is sent right after it is written.
    pub sends: u32,
    /// When a job for this attempt was last sent. For a new record, the time when the record was written.
    pub enqueued_at: Timestamp,
}

/// The status of a build. Items and responses have it as `build_status` (a [`BuildState`]) and, if it failed,
/// `build_error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "build_status", rename_all = "lowercase")]
#[strum_discriminants(
    name(BuildState),
    doc = "A build status without the reason for a failure.",
    derive(Display),
    strum(serialize_all = "lowercase")
)]
pub enum BuildStatus {
    /// The build is pending.
    Queued,
    /// The image is in the registry, with the promised digest.
    Ready,
    /// This attempt cannot succeed.
    Failed {
        /// The reason, for the pack's author.
        #[serde(rename = "build_error", default)]
        error: String,
    },
}
