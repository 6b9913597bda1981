use std::io;

use pack_format::{Digest, Limit, Problems, ValidationError};
use serde::Serialize;
use tokio::time::error::Elapsed;

use crate::{
    aws,
    identity::Exceeded,
    records::{PackId, Quarantine, Record, Release},
};

/// Why an upload was rejected or failed. The upload may have left a staged archive, which expires. If the write of the
/// record failed or timed out, the write may have taken effect.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("the pack is not valid: {0}")]
    Invalid(Problems),
    /// The archive exceeds a limit, and reading stopped at the limit; or the size that the client declared when it
    /// began the upload exceeds the limit on compressed bytes.
    #[error("{limit}")]
    TooLarge {
        limit: Limit,
        /// The limit's value for archives sent to S3, if the archive was in the request and might be within that value.
        larger: Option<u64>,
    },
    /// The client has not yet sent the archive of this upload to S3.
    #[error("has no archive yet; send it to the URL returned with this id")]
    NotSent,
    /// A pack with this name and version already exists, and its content or visibility differs. Only a pack whose build
    /// failed and whose version was never published can be replaced.
    #[error("{} already has this name and version", .0.pack_id)]
    VersionExists(Box<ExistingVersion>),
    /// This version was published with different content, and its pack was deleted.
    #[error("the version was published with different content (layer {layer_digest}) and then deleted")]
    VersionDeleted { layer_digest: Digest },
    /// An operator has quarantined this version.
    #[error("the version is quarantined")]
    Quarantined(Quarantine),
    /// The pack with this name and version is being deleted. It is safe to retry.
    #[error("the pack with this name and version is being deleted")]
    BeingDeleted,
    /// The org would exceed one of its limits.
    #[error("the org would exceed its limit `{}`", .0.limit)]
    Exceeds(Exceeded),
    /// If the failed call was the write of the record, the write may have taken effect.
    #[error("a call to S3 or DynamoDB failed")]
    Storage(#[from] aws::Error),
    /// The archive could not be read, or the temporary file with its contents could not be read or written. It is safe
    /// to retry.
    #[error("cannot validate the archive")]
    Io(#[source] io::Error),
    /// The request exceeded [`Uploads::deadline`](super::Uploads::deadline). It is safe to retry.
    #[error("the deadline was exceeded")]
    TimedOut(#[from] Elapsed),
    /// Other uploads kept changing the failed record with this name and version. It is safe to retry.
    #[error("other uploads kept changing the record with this name and version")]
    ConcurrentUploads,
}

/// The existing pack that has the name and version of an upload, and how it differs from the upload. The client sees
/// all fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExistingVersion {
    pub pack_id: PackId,
    pub layer_digest: Digest,
    pub image_digest: Digest,
    /// Never empty.
    pub differs: Vec<Difference>,
}

/// A difference between an upload and the existing pack that has its name and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// The layer digests differ.
    Content,
    Visibility,
}

impl Difference {
    pub(super) fn between(found: &Release, new: &Release) -> Vec<Self> {
        let content = (found.layer_digest != new.layer_digest).then_some(Self::Content);
        let visibility = (found.visibility != new.visibility).then_some(Self::Visibility);
        content.into_iter().chain(visibility).collect()
    }
}

impl UploadError {
    pub(super) fn version_exists(found: &Record, differs: Vec<Difference>) -> Self {
        let Release { layer_digest, image_digest, .. } = found.release;
        Self::VersionExists(Box::new(ExistingVersion { pack_id: found.id, layer_digest, image_digest, differs }))
    }
}

impl UploadError {
    /// Returns whether a repeated submission of the same staged archive would be rejected too.
    pub(super) fn is_permanent(&self) -> bool {
        match self {
            Self::Invalid(_)
            | Self::TooLarge { .. }
            | Self::VersionExists(_)
            | Self::VersionDeleted { .. }
            | Self::Quarantined(_) => true,
            Self::NotSent
            | Self::BeingDeleted
            | Self::Exceeds(_)
            | Self::Storage(_)
            | Self::Io(_)
            | Self::TimedOut(_)
            | Self::ConcurrentUploads => false,
        }
    }
}

impl From<ValidationError> for UploadError {
    fn from(error: ValidationError) -> Self {
        match error {
            ValidationError::Invalid(problems) => Self::Invalid(problems),
            ValidationError::TooLarge(limit) => Self::TooLarge { limit, larger: None },
            ValidationError::Io(error) => Self::Io(error),
        }
    }
}
