use bytes::Bytes;
use pack_format::Warning;
use tokio::time::Instant;

use crate::{
    aws::{PresignedPut, Seen},
    records::{Record, Release, Timestamp, UploadId, Visibility},
};

/// A submitted archive and the properties of its request.
#[derive(Debug, Clone)]
pub struct Submission {
    pub archive: Archive,
    pub visibility: Visibility,
    /// The id of the caller's credential.
    pub uploaded_by: String,
    /// When the request arrived. [`Uploads::deadline`](super::Uploads::deadline) is counted from this time.
    pub arrived_at: Instant,
}

/// Where a submitted archive is.
#[derive(Debug, Clone)]
pub enum Archive {
    /// In the request, as received.
    InRequest(Bytes),
    /// In S3, where the client sent it with a URL from [`Uploads::begin`](super::Uploads::begin).
    InStaging(UploadId),
}

impl Archive {
    /// Returns the id of the upload, if the archive is in S3.
    pub(super) fn upload(&self) -> Option<UploadId> {
        match self {
            Self::InRequest(_) => None,
            Self::InStaging(upload) => Some(*upload),
        }
    }
}

/// An upload that has begun. The client sends its archive to S3 next.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The id that the client sends to submit the archive.
    pub id: UploadId,
    /// The request that sends the archive.
    pub put: PresignedPut,
    /// When the URL expires. A transfer that started earlier may continue.
    pub expires_at: Timestamp,
}

/// A valid upload whose archive is in S3. [`Uploads::commit`](super::Uploads::commit) writes its record.
#[derive(Debug)]
pub struct Prepared {
    pub(super) release: Release,
    pub(super) staging_key: String,
    pub(super) is_in_layer_order: bool,
    pub(super) warnings: Vec<Warning>,
    pub(super) seen: Seen,
    /// The begun upload that is being submitted. `None` if the archive was in the request.
    pub(super) upload: Option<UploadId>,
    pub(super) deadline: Instant,
}

/// The result of a valid upload.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The record was written, and its build is pending.
    Created(Record),
    /// The same pack already exists, and its build is pending or done.
    Existing(Record),
    /// The same pack already exists, and its failed build was queued again.
    QueuedAgain(Record),
}

/// A valid upload: its result and the warnings about it.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub outcome: Outcome,
    pub warnings: Vec<Warning>,
}

/// A valid upload whose record was not written.
#[derive(Debug, Clone)]
pub struct Checked {
    pub release: Release,
    pub warnings: Vec<Warning>,
}
