//! The upload use case: stage and validate the archive, write the record, and send the build job. Also begins uploads
//! whose archives clients send to S3, and runs the checks without writing anything (dry run).

mod error;
mod submission;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use pack_format::{Digest, Limit, LimitName, Limits, Manifest, Pack, ValidationError, Warning};
use tokio::time::{Instant, timeout, timeout_at};

pub use self::{
    error::{Difference, ExistingVersion, UploadError},
    submission::{Accepted, Archive, Begun, Checked, Outcome, Prepared, Submission},
};
use crate::{
    aws::{Created, Job, Queue, Seen, Staging, Table, VersionState},
    error_chain::ErrorChain,
    identity::{Org, OrgLimits},
    records::{BuildStatus, ImageFormat, Quarantine, Record, Release, Timestamp, UploadId, Visibility},
    registry::RegistryAddress,
    telemetry::{Metrics, measured},
    validation::{self, Validated},
};

/// The maximum number of times that an upload tries to overwrite a failed record that other uploads keep changing.
const MAX_OVERWRITES: usize = 5;

/// The timeout for scheduling the early removal of a begun upload whose archive no build needs.
const RESCHEDULE_TIMEOUT: Duration = Duration::from_secs(3);

/// The upload use case, with the backends and limits that it uses.
#[derive(Debug, Clone)]
pub struct Uploads {
    pub table: Table,
    pub staging: Staging,
    pub queue: Queue<Job>,
    /// The registry named in image references.
    pub registry: RegistryAddress,
    /// The limits for archives that are sent in the request.
    pub limits: Arc<Limits>,
    /// The limits for archives that are sent to S3.
    pub large_limits: Arc<Limits>,
    /// The configured limits on what an org may do or store. An org's own values override them.
    pub org_limits: OrgLimits,
    /// How long a request may take from its arrival. For an upload, calls made after its result is known, such as
    /// sending the build job, do not count.
    pub deadline: Duration,
}

impl Uploads {
    /// Begins the upload of an archive with this size in bytes and this SHA-256. Returns an id for the upload, and the
    /// request that the client uses to send the archive to S3. If the upload is never submitted,
    /// [`requeue`](crate::requeue) later removes it and its archive.
    pub async fn begin(&self, org: &Org, size: u64, sha256: Digest) -> Result<Begun, UploadError> {
        if size > self.large_limits.compressed_bytes {
            let limit = self.large_limits.limit(LimitName::CompressedBytes);
            return Err(UploadError::TooLarge { limit, larger: None });
        }
        let now = Timestamp::now();
        let expires_at = now + UploadId::SEND_WITHIN;
        let id = UploadId::generate(org.id, expires_at);
        let put = self.staging.presign_put(&Staging::upload_key(org.id, id), size, sha256).await?;
        match self.table.begin_upload(org.id, id, now, &self.limits_of(org)).await? {
            None => Ok(Begun { id, put, expires_at }),
            Some(exceeded) => Err(UploadError::Exceeds(exceeded)),
        }
    }

    /// Returns the limit's value for archives sent to S3, if the rejected archive might be within that value.
    pub fn larger(&self, limit: &Limit) -> Option<u64> {
        Some(self.large_limits.value(limit)).filter(|value| limit.may_fit(*value))
    }

    /// Stages the archive of a pack unless the client has already sent it to S3, and validates it. Writes no record. If
    /// an archive that the client sent to S3 is rejected permanently, schedules the early removal of the upload.
    pub async fn prepare(&self, org: &Org, submission: Submission) -> Result<Prepared, UploadError> {
        let deadline = submission.arrived_at + self.deadline;
        let upload = submission.archive.upload();
        // Box the future, because it contains the futures of several calls and is large.
        let prepare = Box::pin(self.stage_and_validate(org, submission, deadline));
        let prepared = timeout_at(deadline, prepare).await?;
        if let (Some(upload), Err(error)) = (upload, &prepared)
            && error.is_permanent()
        {
            self.remove_soon(org, upload).await;
        }
        prepared
    }

    /// Accepts a pack for `org`: writes its record and sends the build job. Does neither if the same pack already
    /// exists and its build is pending or done. If the client sent the archive to S3 and no build needs it, schedules
    /// the early removal of the upload.
    ///
    /// # Errors
    /// An [`UploadError`] usually means that no record was written and no job was sent. However, if the write of the
    /// record failed or timed out, it may have taken effect. If it has, the build is pending, and
    /// [`requeue`](crate::requeue) sends its job.
    pub async fn commit(&self, org: &Org, prepared: Prepared) -> Result<Accepted, UploadError> {
        let upload = prepared.upload;
        let accepted = timeout_at(prepared.deadline, self.accept(org, prepared)).await?;
        let is_needed = match &accepted {
            Ok(Accepted { outcome: Outcome::Created(_) | Outcome::QueuedAgain(_), .. }) => true,
            Ok(Accepted { outcome: Outcome::Existing(_), .. }) => false,
            Err(error) => !error.is_permanent(),
        };
        if let (Some(upload), false) = (upload, is_needed) {
            self.remove_soon(org, upload).await;
        }
        let accepted = accepted?;
        match &accepted.outcome {
            Outcome::Created(record) | Outcome::QueuedAgain(record) => self.enqueue(record).await,
            // The upload that wrote the record sends the job.
            Outcome::Existing(_) => {}
        }
        Ok(accepted)
    }

    /// Runs the upload checks without writing anything. Returns the release that the record would contain after the
    /// upload.
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
            let seen = self.table.look_up(org.id, name, version, None);
            let (found, seen, usage) = tokio::try_join!(found, seen, self.table.usage(org.id))?;
            warnings.extend(capability_warnings(&seen, &release.manifest));
            let new = Record::queued(release, String::new(), false, Timestamp::now());
            let (release, old) = match found {
                VersionState::Free => (new.release.clone(), None),
                VersionState::Deleted(published) if published == new.release.layer_digest => {
                    (new.release.clone(), None)
                }
                VersionState::Deleted(layer_digest) => return Err(UploadError::VersionDeleted { layer_digest }),
                VersionState::Quarantined(quarantine) => return Err(UploadError::Quarantined(quarantine)),
                VersionState::Taken(found) => match self.decide(&found, &new.release).await? {
                    Decision::Keep => return Ok(Checked { release: found.release, warnings }),
                    Decision::QueueAgain => (found.release.uploaded_again(&new.release), Some(found)),
                    Decision::Replace => (new.release.clone(), Some(found)),
                },
            };
            match usage.exceeded_by(old.as_deref(), &new, &seen, &self.limits_of(org)) {
                None => Ok(Checked { release, warnings }),
                Some(exceeded) => Err(UploadError::Exceeds(exceeded)),
            }
        };
        // Box the future, because it contains the futures of several calls and is large.
        timeout_at(deadline, Box::pin(check)).await?
    }

    async fn stage_and_validate(
        &self,
        org: &Org,
        submission: Submission,
        deadline: Instant,
    ) -> Result<Prepared, UploadError> {
        let visibility = submission.visibility;
        let upload = submission.archive.upload();
        let (staging_key, (validated, seen)) = match submission.archive {
            Archive::InRequest(archive) => {
                let staging_key = Staging::new_key(org.id);
                let stage = measured("StageTime", self.staging.put(&staging_key, archive.clone()));
                let stage = async { Ok(stage.await?) };
                let validate = async {
                    let validated = self.validate_in_request(archive, visibility).await?;
                    self.look_up(org, validated, upload).await
                };
                let ((), validated) = tokio::try_join!(stage, validate)?;
                (staging_key, validated)
            }
            Archive::InStaging(upload) => {
                let staging_key = Staging::upload_key(org.id, upload);
                let validated = self.validate_in_staging(&staging_key, visibility).await?;
                (staging_key, self.look_up(org, validated, Some(upload)).await?)
            }
        };
        Metrics::default().bytes("ArchiveSize", validated.archive_size).write();
        let is_in_layer_order = validated.pack.is_in_layer_order;
        let (release, mut warnings) = self.release(org, visibility, submission.uploaded_by, validated);
        warnings.extend(capability_warnings(&seen, &release.manifest));
        Ok(Prepared { release, staging_key, is_in_layer_order, warnings, seen, upload, deadline })
    }

    async fn accept(&self, org: &Org, prepared: Prepared) -> Result<Accepted, UploadError> {
        let Prepared { release, staging_key, is_in_layer_order, warnings, seen, .. } = prepared;
        let record = Record::queued(release, staging_key, is_in_layer_order, Timestamp::now());
        let outcome = measured("WriteTime", self.write(org, record, seen)).await?;
        Ok(Accepted { outcome, warnings })
    }

    /// Reads the state on which the write of a validated pack's record depends. If the archive is in the request, this
    /// runs while the archive is being staged.
    async fn look_up(
        &self,
        org: &Org,
        validated: Validated,
        upload: Option<UploadId>,
    ) -> Result<(Validated, Seen), UploadError> {
        let Manifest { name, version, .. } = &validated.pack.manifest;
        let seen = self.table.look_up(org.id, name, version, upload).await?;
        Ok((validated, seen))
    }

    /// Schedules the early removal of a begun upload and its archive, so that requeue removes them soon after the
    /// upload can no longer be submitted, rather than after [`UploadId::KEEP_FOR`].
    async fn remove_soon(&self, org: &Org, upload: UploadId) {
        let due_at = Timestamp::now() + UploadId::KEEP_REJECTED_FOR;
        match timeout(RESCHEDULE_TIMEOUT, self.table.reschedule_upload(org.id, upload, due_at)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(upload_id = %upload, error = %ErrorChain(&error), "cannot remove the upload early");
            }
            Err(_) => {
                tracing::warn!(upload_id = %upload, "cannot remove the upload early: the call took too long")
            }
        }
    }

    fn limits_of(&self, org: &Org) -> OrgLimits {
        self.org_limits.overridden_by(&org.limits)
    }

    async fn validate_in_request(&self, archive: Bytes, visibility: Visibility) -> Result<Validated, UploadError> {
        let archive = validation::split(archive);
        let validated = measured("ValidateTime", validation::validate(archive, self.limits.clone(), visibility)).await;
        validated.map_err(|error| match error {
            ValidationError::TooLarge(limit) => UploadError::TooLarge { larger: self.larger(&limit), limit },
            ValidationError::Invalid(_) | ValidationError::Io(_) => error.into(),
        })
    }

    /// Validates a staged archive while downloading it.
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
    /// [`UploadError::Quarantined`] if the version is quarantined, [`UploadError::VersionDeleted`] if it was published
    /// with different content and then deleted, and [`UploadError::BeingDeleted`] if the existing record is being
    /// deleted. Returns [`UploadError::Exceeds`] if only a limit of the org prevents the write, and
    /// [`UploadError::ConcurrentUploads`] if other uploads keep changing the existing record.
    async fn write(&self, org: &Org, new: Record, mut seen: Seen) -> Result<Outcome, UploadError> {
        let limits = self.limits_of(org);
        let mut created = self.table.create(&new, &seen, &limits).await?;
        let mut outcome = Outcome::Created(new.clone());
        let mut overwrites = 0..MAX_OVERWRITES;
        loop {
            let found = match created {
                Created::Written => return Ok(outcome),
                Created::Taken(found) => found,
                Created::Deleted(layer_digest) => return Err(UploadError::VersionDeleted { layer_digest }),
                Created::Quarantined(quarantine) => return Err(UploadError::Quarantined(quarantine)),
                Created::Exceeds(exceeded) => return Err(UploadError::Exceeds(exceeded)),
            };
            let decision = self.decide(&found, &new.release).await?;
            if let Decision::Keep = decision {
                return Ok(Outcome::Existing(*found));
            }
            let earlier = overwrites.next().ok_or(UploadError::ConcurrentUploads)?;
            if earlier > 0 {
                let Manifest { name, version, .. } = &new.release.manifest;
                seen = self.table.look_up(org.id, name, version, seen.begun).await?;
            }
            match decision {
                Decision::Keep => return Ok(Outcome::Existing(*found)),
                Decision::QueueAgain => {
                    let queued = found.queued_again(&new);
                    created = self.table.queue_again(&found, &queued, &seen, &limits).await?;
                    outcome = Outcome::QueuedAgain(queued);
                }
                Decision::Replace => {
                    created = self.table.replace(&found, &new, &seen, &limits).await?;
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
            tracing::warn!(
                pack_id = %record.id,
                error = %ErrorChain(&error),
                "cannot send the job; requeue sends it later"
            );
        }
    }
}

/// Returns a warning for everything that the capabilities in `manifest` allow, but those of the highest lower version
/// do not. Returns no warnings if the capabilities of the other versions could not be read.
fn capability_warnings(seen: &Seen, manifest: &Manifest) -> Vec<Warning> {
    let Some(history) = &seen.history else {
        tracing::warn!("cannot read the earlier capabilities, so they were not compared");
        return Vec::new();
    };
    history.warnings(manifest)
}

/// What to do with an existing record that has the upload's name and version.
enum Decision {
    /// Keep it: it is the same pack, and its build is done or pending.
    Keep,
    /// Queue it again: it is the same pack, and its build failed.
    QueueAgain,
    /// Replace it: its content or visibility differs, its build failed, and its version was never published.
    Replace,
}
