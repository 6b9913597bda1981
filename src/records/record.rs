use pack_format::{Digest, Manifest};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::{OrgId, PackId, Timestamp};

/// Who may see a pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Visibility {
    /// The org that owns it.
    #[default]
    Org,
    /// Every org.
    Community,
}

/// What one upload releases, before anything is written: all that is known of a pack as soon as it is validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The owning org.
    pub org_id: OrgId,
    /// What `pack.yaml` says.
    pub manifest: Manifest,
    /// Who may see it.
    pub visibility: Visibility,
    /// Where its image can be pulled once the build is ready: `<registry>/<org slug>/<name>:<tag>`.
    pub image_ref: String,
    /// The digest of the image's manifest. A pure function of the pack's content, so equal digests mean equal packs.
    pub image_digest: Digest,
    /// What a pull transfers, in bytes: the image's config and layer.
    pub size_bytes: u64,
}

/// A pack as the table holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id, which also says when it was made.
    pub id: PackId,
    /// What was uploaded.
    pub release: Release,
    /// When the record was written.
    pub created_at: Timestamp,
    /// When its build status last changed.
    pub updated_at: Timestamp,
    /// How far its image is.
    pub build: Build,
}

impl Record {
    /// A new record, queued for its first attempt.
    pub fn queued(release: Release, staging_key: String, now: Timestamp) -> Self {
        let build = Build { status: BuildStatus::Queued, staging_key, attempt: 1, sends: 1, enqueued_at: now };
        Self { id: PackId::generate(), release, created_at: now, updated_at: now, build }
    }

    /// The same record, queued for its next attempt, which builds from another staged archive of the same content.
    pub fn queued_again(&self, staging_key: String, now: Timestamp) -> Self {
        let attempt = self.build.attempt.saturating_add(1);
        let build = Build { status: BuildStatus::Queued, staging_key, attempt, sends: 1, enqueued_at: now };
        Self { updated_at: now, build, ..self.clone() }
    }
}

/// How far a record's image is.
///
/// `Ready` may overwrite `Queued` and `Failed`; `Failed` overwrites only `Queued` of the same attempt; nothing
/// overwrites `Ready`. Queuing anew raises the attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Where the build stands.
    pub status: BuildStatus,
    /// The key of the archive in the staging bucket.
    pub staging_key: String,
    /// Counts from 1; a job of an earlier attempt can no longer fail the record.
    pub attempt: u32,
    /// How many jobs were sent for this attempt, counting the one that is sent as the record is written.
    pub sends: u32,
    /// When a job for this attempt was last sent, or was about to be.
    pub enqueued_at: Timestamp,
}

/// Where a build stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildStatus {
    /// A job is under way, or owed.
    Queued,
    /// The image is in the registry, with the promised digest.
    Ready,
    /// No image will come of this attempt.
    Failed {
        /// Why, in words for the pack's author.
        error: String,
    },
}
