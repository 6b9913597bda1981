//! The build use case: read the staged archive again, push its image, attest the image, publish the version, tag
//! the image, and mark the record as ready.

mod attest;
mod layer;

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use pack_format::{Limits, ValidationError, image::Image};
use strum::IntoStaticStr;
use tokio::{join, try_join};

use crate::{
    aws::{self, Attestations, Events, Job, Lease, Staging, Table, VersionState},
    error_chain::ErrorChain,
    records::{BuildStatus, PackEvent, Record, Release, Timestamp},
    registry::{self, ImageUploads, Layer, PushError, ReferrerUploads, Registry},
    signing::{self, Signer},
};

/// The build use case with its backends and limits.
#[derive(Debug, Clone)]
pub struct Builder {
    pub table: Table,
    pub staging: Staging,
    pub attestations: Attestations,
    pub registry: Registry,
    pub events: Events,
    /// Attests images. `None` if signing is off.
    pub signer: Option<Signer>,
    /// The limits for archives that are sent to S3. No archive that `api` accepted exceeds them.
    pub limits: Arc<Limits>,
    /// The duration of a build's lease on its version. In Lambda, it must be at least the sum of the function's timeout
    /// and [`push_timeout`](registry::Settings::push_timeout).
    pub lease: Duration,
}

/// The result of a job that needs no retry. Its string form is the value of the `Outcome` dimension in metrics.
#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum BuildOutcome {
    /// The image is in the registry, and the record is ready.
    Ready,
    /// The image cannot be built. The record is marked as failed.
    Failed {
        /// The reason, for the pack's author.
        reason: String,
    },
    /// The job is obsolete: its record is ready, quarantined or being deleted, no longer exists, or has a newer
    /// attempt.
    Dropped,
}

/// Why a job must be retried.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("a storage error")]
    Storage(#[from] aws::Error),
    /// The staged archive could not be read, or the temporary file with its contents could not be read or written.
    #[error("cannot read the archive")]
    Archive(#[source] io::Error),
    #[error("a registry error")]
    Registry(#[from] registry::Error),
    #[error("a signing error")]
    Signing(#[from] signing::Error),
    #[error("a build, a purge or an operator's command is changing this version")]
    Leased,
    /// A conditional write failed, for example because another build took the lease. The record can still be built.
    #[error("the record changed during the build")]
    Contested,
}

/// Why an image was not built.
enum BuildFailure {
    /// A retry cannot succeed. The reason is for the pack's author.
    Permanent(String),
    /// A retry may succeed.
    Transient(BuildError),
}

/// An image whose layer is being written, and whose upload sessions are open.
struct PreparedImage {
    image: Image,
    layer: Layer<ValidationError>,
    uploads: ImageUploads,
}

/// An image in the registry.
struct PushedImage {
    manifest: Bytes,
    /// The open upload sessions for the image's attestation, if any.
    uploads: Option<ReferrerUploads>,
}

impl Builder {
    /// Handles a job. An obsolete job has no effect: see [`BuildOutcome::Dropped`].
    ///
    /// # Errors
    /// Returns a [`BuildError`] if the job must be retried.
    pub async fn build(&self, job: Job) -> Result<BuildOutcome, BuildError> {
        let Some(record) = self.table.record(job.pack_id).await? else { return Ok(BuildOutcome::Dropped) };
        if is_final(&record.build.status) || job.attempt < record.build.attempt {
            return Ok(BuildOutcome::Dropped);
        }
        let now = Timestamp::now();
        let lease = Lease::new(now + self.lease);
        let begin = async {
            let has_begun = self.table.begin_build(&record, &lease, now).await?;
            has_begun.then_some(()).ok_or(BuildError::Leased)
        };
        // Later tries first find out whether an earlier one has published the version. The first try need not, so prepare
        // the image while taking the lease.
        let is_first_try = record.build.attempt == 1 && record.build.tries == 0;
        // Box the future, because it contains the futures of several calls and is large.
        let prepare = Box::pin(async { if is_first_try { Some(self.prepare(&record, false).await) } else { None } });
        let prepared = match try_join!(begin, async { Ok(prepare.await) }) {
            Ok(((), prepared)) => prepared,
            Err(BuildError::Leased) => return self.outcome(&record).await?.ok_or(BuildError::Leased),
            Err(error) => return Err(error),
        };
        let result = self.publish(&record, &lease, prepared).await;
        match &result {
            // The write that made the record ready has released the lease.
            Ok(BuildOutcome::Ready) => {}
            Ok(BuildOutcome::Failed { .. } | BuildOutcome::Dropped) => self.release(&record, &lease, None).await,
            Err(error) => {
                let error = ErrorChain(error).to_string();
                self.release(&record, &lease, Some(error)).await;
            }
        }
        result
    }

    /// Releases the lease after a build that did not succeed, and stores the error, if any, in the record. If the
    /// release fails, the lease still expires.
    async fn release(&self, record: &Record, lease: &Lease, error: Option<String>) {
        if let Err(error) = self.table.abandon(record, lease, error.as_deref()).await {
            tracing::warn!(pack_id = %record.id, error = %ErrorChain(&error), "cannot release the lease");
        }
    }

    /// Pushes the image by digest, attests it, publishes the version, tags the image, and marks the record as ready, in
    /// this order. The tag is written only when the version's content can no longer change.
    async fn publish(
        &self,
        record: &Record,
        lease: &Lease,
        prepared: Option<Result<PreparedImage, BuildFailure>>,
    ) -> Result<BuildOutcome, BuildError> {
        let began_at = Timestamp::now();
        let PushedImage { manifest, uploads } = match self.pushed_image(record, prepared).await {
            Ok(image) => image,
            Err(BuildFailure::Transient(error)) => return Err(error),
            Err(BuildFailure::Permanent(reason)) => {
                let now = Timestamp::now();
                if self.table.mark_failed(record, Some(lease), &reason, now).await? {
                    self.events.send(&PackEvent::failed(record, &reason, now)).await;
                    return Ok(BuildOutcome::Failed { reason });
                }
                return match self.outcome(record).await? {
                    Some(outcome) => Ok(outcome),
                    None if self.is_failed(record).await? => Ok(BuildOutcome::Failed { reason }),
                    None => Err(BuildError::Contested),
                };
            }
        };
        let attested = self.attest(record, lease, &manifest, uploads, began_at).await?;
        let is_published = match &attested {
            Some(attested) => self.table.publish(attested, lease).await?,
            None => false,
        };
        let record = attested.as_ref().unwrap_or(record);
        if !is_published {
            self.clean_up(record, lease).await?;
            return self.outcome(record).await?.ok_or(BuildError::Contested);
        }
        self.registry.tag(&record.release.image_ref, manifest).await?;
        let now = Timestamp::now();
        if self.table.mark_ready(record, lease, now).await? {
            self.events.send(&PackEvent::ready(record, now)).await;
            return Ok(BuildOutcome::Ready);
        }
        match self.table.record(record.id).await? {
            Some(found) if found.build.status == BuildStatus::Ready => Ok(BuildOutcome::Ready),
            _ => self.outcome(record).await?.ok_or(BuildError::Contested),
        }
    }

    /// Deletes the image that a build pushed but could not publish, unless the version's record has the same content.
    /// Meanwhile, the lease keeps other builds from pushing the same image.
    ///
    /// # Errors
    /// Returns [`BuildError::Leased`], without deleting anything, if another holder has the lease.
    async fn clean_up(&self, record: &Record, lease: &Lease) -> Result<(), BuildError> {
        let now = Timestamp::now();
        if !self.table.renew_lease(record, &lease.prolonged(now + self.lease), now).await? {
            return Err(BuildError::Leased);
        }
        let Release { org_id, manifest, image_ref, image_digest, layer_digest, .. } = &record.release;
        match self.table.version(*org_id, &manifest.name, &manifest.version).await? {
            VersionState::Taken(owner) if owner.release.layer_digest == *layer_digest => {}
            VersionState::Taken(_) | VersionState::Free | VersionState::Deleted(_) | VersionState::Quarantined(_) => {
                self.registry.delete(image_ref, *image_digest).await?;
            }
        }
        Ok(())
    }

    /// Extends the lease, and returns whether this build can still publish the version.
    async fn may_publish(&self, record: &Record, lease: &Lease) -> Result<bool, aws::Error> {
        let lease = lease.prolonged(Timestamp::now() + self.lease);
        Ok(self.table.extend_build_lease(record, &lease).await? && self.outcome(record).await?.is_none())
    }

    /// Returns the outcome of a job that can no longer build its record, or `None` if it still can.
    async fn outcome(&self, record: &Record) -> Result<Option<BuildOutcome>, aws::Error> {
        let Some(found) = self.table.record(record.id).await? else { return Ok(Some(BuildOutcome::Dropped)) };
        let is_done = is_final(&found.build.status) || found.build.attempt != record.build.attempt;
        Ok(is_done.then_some(BuildOutcome::Dropped))
    }

    /// Returns whether the record is marked as failed. An earlier delivery of the job or `requeue` may have marked it.
    async fn is_failed(&self, record: &Record) -> Result<bool, aws::Error> {
        let found = self.table.record(record.id).await?;
        Ok(found.is_some_and(|found| matches!(found.build.status, BuildStatus::Failed { .. })))
    }

    /// Ensures that the record's image is in the registry. `prepared` is the result of [`Self::prepare`] if this is the
    /// first try. Otherwise, an earlier try may have published the version: if its image manifest is still in the
    /// registry, uses that image and does not read the staged archive.
    async fn pushed_image(
        &self,
        record: &Record,
        prepared: Option<Result<PreparedImage, BuildFailure>>,
    ) -> Result<PushedImage, BuildFailure> {
        let Release { image_ref, image_digest, .. } = &record.release;
        let prepared = match prepared {
            Some(prepared) => prepared?,
            None => {
                if self.table.is_published(record).await?
                    && let Some(manifest) = self.registry.manifest(image_ref, *image_digest).await?
                {
                    return Ok(PushedImage { manifest, uploads: None });
                }
                Box::pin(self.prepare(record, true)).await?
            }
        };
        self.push(record, prepared).await
    }

    /// Starts writing the image's layer from the staged archive, and opens the upload sessions. `may_exist` is whether
    /// the registry may have parts of the image.
    async fn prepare(&self, record: &Record, may_exist: bool) -> Result<PreparedImage, BuildFailure> {
        let Release { manifest, image_ref, image_digest, layer_digest, size_bytes, .. } = &record.release;
        // All of the image except the layer's content is known from the record.
        let image = Image::without_files(manifest, *layer_digest, *size_bytes);
        let image = image.filter(|image| image.digest == *image_digest).ok_or_else(|| differs(record))?;
        let layer = async {
            let archive = self.staging.get(&record.build.staging_key).await?.ok_or_else(|| {
                BuildFailure::Permanent(
                    "the uploaded archive expired before its image was built; upload it again".to_owned(),
                )
            })?;
            let limits = Arc::clone(&self.limits);
            Ok::<_, BuildFailure>(layer::write(archive, limits, record.build.is_in_layer_order, image.layer.size))
        };
        let (layer, uploads) = join!(layer, self.registry.open_image(image_ref, &image, may_exist));
        Ok(PreparedImage { layer: layer?, uploads: uploads?, image })
    }

    /// Pushes an image by digest. Fails unless its layer has the digest in the record. The layer is hashed while it is
    /// sent, so a different layer is detected only after it was sent, but before the image manifest is pushed.
    async fn push(&self, record: &Record, prepared: PreparedImage) -> Result<PushedImage, BuildFailure> {
        let PreparedImage { image, layer, uploads } = prepared;
        let image_ref = &record.release.image_ref;
        let open_referrer = async {
            // If this fails, for example because the repository does not exist yet, the push of the referrer opens the
            // sessions.
            self.signer.as_ref()?;
            self.registry.open_referrer(image_ref).await.ok()
        };
        let push = self.registry.push(image_ref, &image, uploads, layer);
        match try_join!(push, async { Ok(open_referrer.await) }) {
            Ok(((), uploads)) => Ok(PushedImage { manifest: image.manifest, uploads }),
            Err(PushError::Registry(registry::Error::WrongLayer { .. })) => Err(differs(record)),
            Err(PushError::Registry(error)) => Err(error.into()),
            Err(PushError::Layer(error)) => Err(error.into()),
        }
    }
}

/// Returns the failure for an archive whose image would differ from the one in the record.
fn differs(record: &Record) -> BuildFailure {
    BuildFailure::Permanent(format!(
        "the image does not have the promised digest {}; upload the same archive again",
        record.release.image_digest
    ))
}

/// Returns whether builds leave a record with this status unchanged.
fn is_final(status: &BuildStatus) -> bool {
    match status {
        BuildStatus::Ready | BuildStatus::Quarantined { .. } | BuildStatus::Deleting => true,
        BuildStatus::Queued | BuildStatus::Failed { .. } => false,
    }
}

impl From<aws::Error> for BuildFailure {
    /// Treats every storage error as transient.
    fn from(error: aws::Error) -> Self {
        Self::Transient(error.into())
    }
}

impl From<ValidationError> for BuildFailure {
    /// Treats an I/O error as transient, and an archive that is invalid or too large as a permanent failure. The
    /// archive was accepted when it was uploaded, so the rules, the limits or the staged archive must have changed.
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
            registry::Error::Rejected(_) | registry::Error::WrongLayer { .. } => Self::Permanent(error.to_string()),
            registry::Error::TimedOut
            | registry::Error::ForeignReference(_)
            | registry::Error::WrongDigest { .. }
            | registry::Error::Http(_)
            | registry::Error::Status { .. }
            | registry::Error::NoLocation
            | registry::Error::Unfinished
            | registry::Error::Write(_)
            | registry::Error::Referrers(_)
            | registry::Error::Manifest(_)
            | registry::Error::DeletionDisabled
            | registry::Error::Aws { .. } => Self::Transient(error.into()),
        }
    }
}
