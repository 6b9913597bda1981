//! The use case above the line: stage the archive and judge it side by side, write the record, enqueue the build.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    aws::{self, Queue, Staging, Table},
    identity::Org,
    image::RegistryAddress,
    pack::{Digest, Limit, Limits, PackId, Problems, Record, Release, Visibility},
};

/// Takes uploads in.
#[derive(Debug, Clone)]
pub struct Uploads {
    /// Where records go.
    pub table: Table,
    /// Where archives go.
    pub staging: Staging,
    /// Where jobs go.
    pub queue: Queue,
    /// Where images will go.
    pub registry: RegistryAddress,
    /// What is too much.
    pub limits: Arc<Limits>,
}

/// What a client uploads.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The archive as received.
    pub archive: Bytes,
    /// Who may see the pack.
    pub visibility: Visibility,
}

/// How a good upload ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A record was written and its build is owed.
    Created(Record),
    /// The same pack is there already; a build that had failed is queued anew.
    Existing(Record),
}

/// Why an upload was not taken in. Nothing was written, except perhaps a staged object, which expires.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The pack is not valid.
    #[error("the pack is not valid: {0}")]
    Invalid(Problems),
    /// Reading had to stop.
    #[error("{0}")]
    TooLarge(Limit),
    /// This name and version is taken by other content or another visibility.
    #[error("{pack_id} has this name and version")]
    Conflict {
        /// The record that has it.
        pack_id: PackId,
        /// What its image is.
        image_digest: Digest,
    },
    /// A dependency failed before the record was written; trying again is safe.
    #[error("a dependency failed before the record was written")]
    Unavailable(#[from] aws::Error),
}

impl Uploads {
    /// Takes a pack in for `org`.
    ///
    /// # Errors
    /// See [`UploadError`]: after any of them no record and no job exists that was not there before.
    pub async fn submit(&self, _org: &Org, _submission: Submission) -> Result<Outcome, UploadError> {
        todo!()
    }

    /// Makes every check that [`Uploads::submit`] makes, and writes nothing. The release of a pack that is there
    /// already is that pack's.
    ///
    /// # Errors
    /// As [`Uploads::submit`].
    pub async fn check(&self, _org: &Org, _submission: Submission) -> Result<Release, UploadError> {
        todo!()
    }
}
