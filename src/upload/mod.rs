//! The upload use case: stage and validate the archive, write the record, send the build job.

mod error;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use pack_format::{Digest, Limit, LimitName, Limits, Manifest, Pack, ValidationError, Warning};
use tokio::time::{Instant, timeout, timeout_at};

pub use self::error::{Difference, ExistingVersion, UploadError};
use crate::{
    aws::{Created, Job, PresignedPut, Queue, Staging, Table, VersionState},
    error_chain::ErrorChain,
    identity::Org,
    records::{BuildStatus, ImageFormat, Quarantine, Record, Release, Timestamp, UploadId, Visibility},
    registry::RegistryAddress,
    telemetry::{Metrics, measured},
    validation::{self, Validated},
};

/// The maximum number of times that an upload tries to overwrite a failed record that other uploads keep changing.
const MAX_OVERWRITES: usize = 5;

/// How long an upload waits for the capabilities of earlier versions. It reads them while it writes its record.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(1);

/// The upload use case, with the backends and limits that it uses.
#[derive(Debug, Clone)]
pub struct Uploads {
    pub table: Table,
    pub staging: Staging,
    pub queue: Queue<Job>,
    /// The registry that image references name.
    pub registry: RegistryAddress,
    /// The limits for archives that are sent in the request.
    pub limits: Arc<Limits>,
    /// The limits for archives that are sent to S3.
    pub large_limits: Arc<Limits>,
    /// How long a request may take from its arrival. For an upload, sending the build job does not count.
    pub deadline: Duration,
}

/// A submitted archive and the properties of its request.
#[derive(Debug, Clone)]
pub struct Submission {
    pub archive: Archive,
    pub visibility: Visibility,
    /// The id of the caller's credential.
    pub uploaded_by: String,
    /// When the request arrived. [`Uploads::deadline`] starts then.
    pub arrived_at: Instant,
}

/// Where a submitted archive is.
#[derive(Debug, Clone)]
pub enum Archive {
    /// In the request, as received.
    InRequest(Bytes),
    /// In S3, where the client sent it with a URL from [`Uploads::begin`].
    InStaging(UploadId),
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

impl Uploads {
    /// Begins the upload of an archive with this size in bytes and this SHA-256. Returns an id for the upload, and the
    /// request that the client uses to send the archive to S3. Writes nothing.
    ///
    /// The number of uploads that a client may begin is not limited. An upload costs nothing until its archive is sent,
    /// its URL accepts only that archive, and API Gateway limits the rate of requests.
    pub async fn begin(&self, org: &Org, size: u64, sha256: Digest) -> Result<Begun, UploadError> {
        if size > self.large_limits.compressed_bytes {
            let limit = self.large_limits.limit(LimitName::CompressedBytes);
            return Err(UploadError::TooLarge { limit, larger: None });
        }
        let expires_at = Timestamp::now() + UploadId::SEND_WITHIN;
        let id = UploadId::generate(org.id, expires_at);
        let put = self.staging.presign_put(&Staging::upload_key(org.id, id), size, sha256).await?;
        Ok(Begun { id, put, expires_at })
    }

    /// Returns the limit's value for archives sent to S3, if the upload might be within it.
    pub fn larger(&self, limit: &Limit) -> Option<u64> {
        Some(self.large_limits.value(limit)).filter(|value| limit.may_fit(*value))
    }

    /// Accepts a pack for `org`.
    ///
    /// # Errors
    /// An [`UploadError`] usually means that no record was written and no job was sent. However, if the write of the
    /// record failed or timed out, it may have taken effect. The build is then pending, and [`requeue`](crate::requeue)
    /// sends its job.
    pub async fn submit(&self, org: &Org, submission: Submission) -> Result<Accepted, UploadError> {
        let deadline = submission.arrived_at + self.deadline;
        let accepted = timeout_at(deadline, self.accept(org, submission)).await??;
        match &accepted.outcome {
            Outcome::Created(record) | Outcome::QueuedAgain(record) => self.enqueue(record).await,
            // The upload that wrote the record sends the job.
            Outcome::Existing(_) => {}
        }
        Ok(accepted)
    }

    /// Runs the checks of [`Uploads::submit`] without writing anything. Returns the release of the pack, or the
    /// existing release if the same pack already exists.
    pub async fn check(&self, org: &Org, submission: Submission) -> Result<Checked, UploadError> {
        let deadline = submission.arrived_at + self.deadline;
        let visibility = submission.visibility;
        let check = async {
            let validated = match submission.archive {
                Archive::InRequest(archive) => self.validate_in_request(archive, visibility).await?,
                Archive::InStaging(upload) => {
                    self.validate_in_staging(&Staging::upload_key(org.id, upload), visibility).await?
                }
            };
            let (release, mut warnings) = self.release(org, visibility, submission.uploaded_by, validated);
            let Manifest { name, version, .. } = &release.manifest;
            let found = self.table.version(org.id, name, version);
            let (found, more) = tokio::join!(found, self.capability_warnings(org, &release.manifest));
            warnings.extend(more);
            let release = match found? {
                VersionState::Free => release,
                VersionState::Deleted(published) if published == release.layer_digest => release,
                VersionState::Deleted(layer_digest) => return Err(UploadError::VersionDeleted { layer_digest }),
                VersionState::Quarantined(quarantine) => return Err(UploadError::Quarantined(quarantine)),
                VersionState::Taken(found) => match self.decide(&found, &release).await? {
                    Decision::Keep => found.release,
                    Decision::QueueAgain => found.release.uploaded_again(&release),
                    Decision::Replace => release,
                },
            };
            Ok(Checked { release, warnings })
        };
        timeout_at(deadline, check).await?
    }

    /// Stages the archive unless it is already in S3, validates it, and writes the record.
    async fn accept(&self, org: &Org, submission: Submission) -> Result<Accepted, UploadError> {
        let visibility = submission.visibility;
        let (staging_key, validated) = match submission.archive {
            Archive::InRequest(archive) => {
                let staging_key = Staging::new_key(org.id);
                let stage = measured("StageTime", self.staging.put(&staging_key, archive.clone()));
                let stage = async { Ok(stage.await?) };
                let ((), validated) = tokio::try_join!(stage, self.validate_in_request(archive, visibility))?;
                (staging_key, validated)
            }
            Archive::InStaging(upload) => {
                let staging_key = Staging::upload_key(org.id, upload);
                let validated = self.validate_in_staging(&staging_key, visibility).await?;
                (staging_key, validated)
            }
        };
        Metrics::default().bytes("ArchiveSize", validated.archive_size).write();
        let (release, mut warnings) = self.release(org, visibility, submission.uploaded_by, validated);
        let manifest = release.manifest.clone();
        let record = Record::queued(release, staging_key, Timestamp::now());
        let write = measured("WriteTime", self.write(record));
        let (outcome, more) = tokio::join!(write, self.capability_warnings(org, &manifest));
        warnings.extend(more);
        Ok(Accepted { outcome: outcome?, warnings })
    }

    /// Returns a warning for each permission of this version that the previous version's capabilities did not grant.
    /// Returns no warnings if the earlier capabilities cannot be read in time. Does not read them if this version has no
    /// capabilities.
    async fn capability_warnings(&self, org: &Org, manifest: &Manifest) -> Vec<Warning> {
        if manifest.capabilities.is_none() {
            return Vec::new();
        }
        let history = timeout(HISTORY_TIMEOUT, self.table.capability_history(org.id, &manifest.name)).await;
        match history {
            Ok(Ok(history)) => history.warnings(manifest),
            Ok(Err(error)) => {
                tracing::warn!(error = %ErrorChain(&error), "capabilities not compared");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!("capabilities not compared: the history was not read in time");
                Vec::new()
            }
        }
    }

    async fn validate_in_request(&self, archive: Bytes, visibility: Visibility) -> Result<Validated, UploadError> {
        let archive = stream::iter([Ok(archive)]);
        let validated = measured("ValidateTime", validation::validate(archive, self.limits.clone(), visibility)).await;
        validated.map_err(|error| match error {
            ValidationError::TooLarge(limit) => UploadError::TooLarge { larger: self.larger(&limit), limit },
            ValidationError::Invalid(_) | ValidationError::Io(_) => error.into(),
        })
    }

    /// Validates a staged archive while it is downloaded.
    async fn validate_in_staging(&self, staging_key: &str, visibility: Visibility) -> Result<Validated, UploadError> {
        let archive = self.staging.get(staging_key).await?.ok_or(UploadError::NotSent)?;
        Ok(measured("ValidateTime", validation::validate(archive, self.large_limits.clone(), visibility)).await?)
    }

    fn release(
        &self,
        org: &Org,
        visibility: Visibility,
        uploaded_by: String,
        validated: Validated,
    ) -> (Release, Vec<Warning>) {
        let Validated { pack: Pack { manifest, secrets, warnings, .. }, image, archive_sha256, .. } = validated;
        let release = Release {
            org_id: org.id,
            image_ref: self.registry.image(&org.slug, &manifest.name, &manifest.version),
            image_digest: image.digest,
            layer_digest: image.layer.digest,
            image_format: ImageFormat::V1,
            size_bytes: image.size_bytes(),
            archive_sha256,
            uploaded_by,
            secrets_found: secrets,
            manifest,
            visibility,
        };
        (release, warnings)
    }

    /// Writes the record. If a record with this name and version exists, [`Self::decide`] determines whether to keep
    /// it, queue it again or replace it.
    ///
    /// # Errors
    /// Returns [`UploadError::VersionExists`] if the existing record differs from the new one and cannot be replaced. A
    /// record can be replaced only if its build failed and its version was never published. Returns
    /// [`UploadError::Quarantined`] if the version is quarantined.
    async fn write(&self, new: Record) -> Result<Outcome, UploadError> {
        let mut created = self.table.create(&new).await?;
        let mut outcome = Outcome::Created(new.clone());
        let mut overwrites = 0..MAX_OVERWRITES;
        loop {
            let found = match created {
                Created::Written => return Ok(outcome),
                Created::Taken(found) => found,
                Created::Deleted(layer_digest) => return Err(UploadError::VersionDeleted { layer_digest }),
                Created::Quarantined(quarantine) => return Err(UploadError::Quarantined(quarantine)),
            };
            match self.decide(&found, &new.release).await? {
                Decision::Keep => return Ok(Outcome::Existing(*found)),
                Decision::QueueAgain | Decision::Replace if overwrites.next().is_none() => {
                    return Err(UploadError::ConcurrentUploads);
                }
                Decision::QueueAgain => {
                    let queued = found.queued_again(&new);
                    created = self.table.queue_again(&found, &queued).await?;
                    outcome = Outcome::QueuedAgain(queued);
                }
                Decision::Replace => {
                    created = self.table.replace(&found, &new).await?;
                    outcome = Outcome::Created(new.clone());
                }
            }
        }
    }

    async fn decide(&self, found: &Record, new: &Release) -> Result<Decision, UploadError> {
        let differs = Difference::between(&found.release, new);
        match (&found.build.status, differs.is_empty()) {
            (BuildStatus::Queued | BuildStatus::Ready, true) => Ok(Decision::Keep),
            (BuildStatus::Failed { .. }, true) => Ok(Decision::QueueAgain),
            (BuildStatus::Failed { .. }, false) if !self.table.is_published(found).await? => Ok(Decision::Replace),
            (BuildStatus::Queued | BuildStatus::Ready | BuildStatus::Failed { .. }, false) => {
                Err(UploadError::version_exists(found, differs))
            }
            (BuildStatus::Quarantined { reason }, _) => {
                Err(UploadError::Quarantined(Quarantine { pack_id: Some(found.id), reason: reason.clone() }))
            }
            (BuildStatus::Deleting, _) => Err(UploadError::BeingDeleted),
        }
    }

    /// Sends the job. If this fails, [`requeue`](crate::requeue) sends the job later. The client gets a success
    /// response in both cases, because the record is written.
    async fn enqueue(&self, record: &Record) {
        if let Err(error) = self.queue.send(record.release.org_id, record.into()).await {
            tracing::warn!(pack_id = %record.id, error = %ErrorChain(&error), "job not sent; requeue sends it later");
        }
    }
}

/// What to do with the record that has the name and version of an upload.
enum Decision {
    /// Keep it: it is the same pack, and its build is done or pending.
    Keep,
    /// Queue it again: it is the same pack, and its build failed.
    QueueAgain,
    /// Replace it: its content or visibility differs, its build failed, and its version was never published.
    Replace,
}
