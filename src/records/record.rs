use pack_format::{Digest, Manifest, Secret, Visibility};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumDiscriminants};

use super::{OrgId, PackId, QuarantineReason, Timestamp};

/// The part of a record that is known once the upload has been validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub org_id: OrgId,
    pub manifest: Manifest,
    pub visibility: Visibility,
    /// The reference of the pack's image: `<registry>/<org slug>/<name>:<tag>`. The image can be pulled once the build
    /// is ready.
    pub image_ref: String,
    /// The digest of the image manifest.
    pub image_digest: Digest,
    /// The digest of the canonical layer. Two packs have the same layer digest if, and only if, they have the same
    /// content.
    pub layer_digest: Digest,
    pub image_format: ImageFormat,
    /// The total size of the image's config and layer, in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the archive as received.
    pub archive_sha256: Digest,
    /// The id of the credential that uploaded the archive.
    pub uploaded_by: String,
    /// Places in the pack that seem to contain live credentials. If there are any, the pack cannot become a community
    /// pack.
    pub secrets_found: Vec<Secret>,
}

/// How an image is assembled from a pack. The image digest depends on the format, but the layer digest does not. The
/// table stores the format as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub enum ImageFormat {
    /// One config for `linux/amd64`, one uncompressed layer, and the image manifest.
    V1,
}

#[derive(Debug, thiserror::Error)]
#[error("unknown image format {0}")]
pub struct UnknownImageFormat(u32);

impl From<ImageFormat> for u32 {
    fn from(format: ImageFormat) -> Self {
        match format {
            ImageFormat::V1 => 1,
        }
    }
}

impl TryFrom<u32> for ImageFormat {
    type Error = UnknownImageFormat;

    fn try_from(number: u32) -> Result<Self, UnknownImageFormat> {
        match number {
            1 => Ok(Self::V1),
            _ => Err(UnknownImageFormat(number)),
        }
    }
}

impl Release {
    /// Returns this release with the archive's SHA-256, the uploader and the secrets of `upload`, which must have the
    /// same content.
    pub fn uploaded_again(&self, upload: &Self) -> Self {
        Self {
            archive_sha256: upload.archive_sha256,
            uploaded_by: upload.uploaded_by.clone(),
            secrets_found: upload.secrets_found.clone(),
            ..self.clone()
        }
    }
}

/// A pack as the table stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub id: PackId,
    pub release: Release,
    pub created_at: Timestamp,
    /// When the build status last changed, or when a quarantine or a restore last began or extended its lease. A build
    /// that publishes the version of a failed record queues the record again without changing this time.
    pub updated_at: Timestamp,
    pub build: Build,
    /// The digest of the referrer that attests the image. It is stored when the build succeeds. `None` if no build of
    /// the current attempt has attested the image and succeeded.
    pub attestation_digest: Option<Digest>,
    /// How many references to the pack exist. A pack with references cannot be deleted.
    pub reference_count: u32,
}

impl Record {
    /// Returns a new record, queued for its first attempt.
    pub fn queued(release: Release, staging_key: String, is_in_layer_order: bool, now: Timestamp) -> Self {
        let build = Build {
            status: BuildStatus::Queued,
            staging_key,
            is_in_layer_order,
            attempt: 1,
            sends: 1,
            enqueued_at: now,
            tries: 0,
            tried_at: None,
            last_error: None,
            is_counted: true,
        };
        Self {
            id: PackId::generate(),
            release,
            created_at: now,
            updated_at: now,
            build,
            attestation_digest: None,
            reference_count: 0,
        }
    }

    /// Returns this record queued for its next attempt, with the archive of `upload`. `upload` must be a new record
    /// with the same content.
    pub fn queued_again(&self, upload: &Self) -> Self {
        let release = self.release.uploaded_again(&upload.release);
        let build = Build { attempt: self.build.attempt.saturating_add(1), ..upload.build.clone() };
        Self { release, updated_at: upload.updated_at, build, ..self.clone() }
    }
}

/// The build of a record's image. Its status changes as follows:
///
/// - `Queued` → `Ready`: a build of the attempt succeeds.
/// - `Queued` → `Failed`: a build of the attempt fails, or `requeue` gives up on it.
/// - `Failed` → `Queued`: an upload starts the next attempt, or a build of the failed attempt publishes the version.
/// - `Ready` → `Queued`: an operator rebuilds the pack, which starts the next attempt.
/// - `Ready` → `Quarantined`: an operator quarantines the pack.
/// - `Quarantined` → `Queued`: an operator restores the pack, which starts the next attempt.
/// - Any other status → `Deleting`: the deletion of the pack begins. This status is final, and `sends` and `tries` then
///   count the sends and tries of the purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    pub status: BuildStatus,
    /// The S3 key of the staged archive.
    pub staging_key: String,
    /// Whether the pack's entries are in the same order in the staged archive as in the layer
    /// ([`Pack::is_in_layer_order`](pack_format::Pack)).
    pub is_in_layer_order: bool,
    /// The attempt's number, starting at 1. A job for an earlier attempt cannot change the record.
    pub attempt: u32,
    /// How many jobs were sent for this attempt. Starts at 1, for the job sent right after the attempt is written.
    pub sends: u32,
    /// When a job was last sent; initially, when the attempt was queued.
    pub enqueued_at: Timestamp,
    /// How many builds of this attempt have begun.
    pub tries: u32,
    /// When the last try began.
    pub tried_at: Option<Timestamp>,
    /// The error of the last build or purge that had to be retried, for the operator. `None` once a build succeeds or a
    /// new attempt or a deletion begins.
    pub last_error: Option<String>,
    /// Whether the build counts as one of the org's pending builds. True from the upload that queued it until the build
    /// ends or, if the pack is deleted before that, until the purge removes the record. False for a build that an
    /// operator queued.
    pub is_counted: bool,
}

/// The status of a build. Items and responses contain it as `build_status` (a [`BuildState`]), `build_error` if the
/// build failed, and `quarantine_reason` if the pack is quarantined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "build_status", rename_all = "lowercase")]
#[strum_discriminants(
    name(BuildState),
    doc = "A build status without the reason for a failure or a quarantine.",
    derive(Display),
    strum(serialize_all = "lowercase")
)]
pub enum BuildStatus {
    /// The build is pending.
    Queued,
    /// The image is in the registry, with the digest in the record.
    Ready,
    /// The build failed, or `requeue` gave up on it. A job that is delivered later may still succeed.
    Failed {
        /// The reason, for the pack's author.
        #[serde(rename = "build_error", default)]
        error: String,
    },
    /// An operator has quarantined the pack: its image is saved and then deleted from the registry.
    Quarantined {
        /// The reason, for the pack's owner.
        #[serde(rename = "quarantine_reason")]
        reason: QuarantineReason,
    },
    /// The pack is being deleted: first its image in the registry, then its attestation bundle, and last its record.
    Deleting,
}

impl BuildStatus {
    /// Returns whether a record with this status has a pending build or purge.
    pub fn is_pending(&self) -> bool {
        match self {
            Self::Queued | Self::Deleting => true,
            Self::Ready | Self::Failed { .. } | Self::Quarantined { .. } => false,
        }
    }
}
