use std::io;

use pack_format::{Digest, Limit, Problems, ValidationError};
use tokio::time::error::Elapsed;

use crate::{aws, records::PackId};

/// Why an upload was not taken in. Nothing was written, except perhaps a staged object, which expires.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The pack is not valid.
    #[error("the pack is not valid: {0}")]
    Invalid(Problems),
    /// Reading had to stop, or need not begin.
    #[error("{limit}")]
    TooLarge {
        /// The limit that was passed.
        limit: Limit,
        /// What [`Uploads::larger`](super::Uploads::larger) says of it where there is another way.
        larger: Option<u64>,
    },
    /// No archive was sent for this upload so far.
    #[error("has no archive yet; send it to the URL that came with this id")]
    NotSent,
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
    /// The archive could not be validated; trying again is safe.
    #[error("the archive could not be validated")]
    Io(#[source] io::Error),
    /// It took longer than [`Uploads::deadline`](super::Uploads::deadline); trying again is safe.
    #[error("not done in time")]
    TimedOut(#[from] Elapsed),
    /// Others kept changing the failed record that has this name and version; trying again is safe.
    #[error("others kept changing the record of this name and version")]
    Contested,
}

impl From<ValidationError> for UploadError {
    fn from(rejection: ValidationError) -> Self {
        match rejection {
            ValidationError::Invalid(problems) => Self::Invalid(problems),
            ValidationError::TooLarge(limit) => Self::TooLarge { limit, larger: None },
            ValidationError::Io(error) => Self::Io(error),
        }
    }
}
