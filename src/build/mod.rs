//! The build use case: validate the staged archive again, push its image, update the record.

use std::{io, sync::Arc};

use pack_format::{Limits, ValidationError};
use strum::IntoStaticStr;

use crate::{
    aws::{self, Job, Staging, Table},
    records::{BuildStatus, Record, Timestamp},
    registry::{self, Registry},
    validation::{self, Validated},
};

/// Builds images.
#[derive(Debug, Clone)]
pub struct Builder {
    pub table: Table,
    pub staging: Staging,
    pub registry: Registry,
    /// The limits of large archives. No archive that `api` accepted exceeds them.
    pub limits: Arc<Limits>,
}

/// The result of a job that needs no retry. Its text is the value of the `Outcome` dimension in metrics.
#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum BuildOutcome {
    /// The image is in the registry, and the record is ready.
    Ready,
    /// The image cannot be built. The record holds the reason, unless a newer attempt was queued meanwhile.
    Failed {
        /// The reason, for the pack's author.
        reason: String,
    },
    /// There was nothing to do: the record is ready or does not exist, or a newer attempt has replaced this one.
    Dropped,
}

/// Why a job must be tried again.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("a storage error")]
    Storage(#[from] aws::Error),
    /// The staged archive was not read to its end, or its contents could not be written to a temporary file.
    #[error("the archive could not be read")]
    Archive(#[source] io::Error),
    #[error("the image was not pushed")]
    Registry(#[from] registry::Error),
}

/// Why an image was not built.
enum BuildFailure {
    /// A retry cannot succeed. The reason is for the pack's author.
    Permanent(String),
    /// A retry may succeed.
    Transient(BuildError),
}

impl Builder {
    /// Handles a job. A repeated or late job has no effect.
    ///
    /// # Errors
    /// Returns a [`BuildError`] if the job must be tried again.
    pub async fn build(&self, job: Job) -> Result<BuildOutcome, BuildError> {
        let Some(record) = self.table.record(job.pack_id).await? else { return Ok(BuildOutcome::Dropped) };
        if record.build.status == BuildStatus::Ready || job.attempt < record.build.attempt {
            return Ok(BuildOutcome::Dropped);
        }
        match self.push_image(&record).await {
            Ok(()) => {
                self.table.mark_ready(record.id, Timestamp::now()).await?;
                Ok(BuildOutcome::Ready)
            }
            Err(BuildFailure::Permanent(reason)) => {
                self.table.mark_failed(record.id, record.build.attempt, &reason, Timestamp::now()).await?;
                Ok(BuildOutcome::Failed { reason })
            }
            Err(BuildFailure::Transient(error)) => Err(error),
        }
    }

    /// Builds and pushes the image of a record. Its digest must be the one in the record.
    async fn push_image(&self, record: &Record) -> Result<(), BuildFailure> {
        let archive = self.staging.get(&record.build.staging_key).await?.ok_or_else(|| {
            BuildFailure::Permanent("the uploaded archive expired before it was built; upload it again".to_owned())
        })?;
        let Validated { pack, image, contents, .. } = validation::validate(archive, self.limits.clone()).await?;
        let promised = record.release.image_digest;
        if image.digest != promised {
            let found = image.digest;
            return Err(BuildFailure::Permanent(format!(
                "the image has the digest {found}, but {promised} was promised; upload it again"
            )));
        }
        Ok(self.registry.push(&record.release.image_ref, &image, pack.tree, contents).await?)
    }
}

impl From<aws::Error> for BuildFailure {
    /// Every storage error is transient.
    fn from(error: aws::Error) -> Self {
        Self::Transient(error.into())
    }
}

impl From<ValidationError> for BuildFailure {
    /// The archive was valid when it was uploaded. If it is invalid now, the rules have changed since then.
    fn from(error: ValidationError) -> Self {
        match error {
            ValidationError::Io(error) => Self::Transient(BuildError::Archive(error)),
            ValidationError::TooLarge(_) | ValidationError::Invalid(_) => {
                Self::Permanent(format!("the archive is no longer accepted: {error}"))
            }
        }
    }
}

impl From<registry::Error> for BuildFailure {
    fn from(error: registry::Error) -> Self {
        match error {
            registry::Error::Rejected(_) => Self::Permanent(error.to_string()),
            registry::Error::TimedOut
            | registry::Error::ForeignReference(_)
            | registry::Error::WrongDigest { .. }
            | registry::Error::Registry(_)
            | registry::Error::Aws { .. } => Self::Transient(error.into()),
        }
    }
}
