//! The use case above the line: stage the archive and validate it side by side, write the record, enqueue the build.

mod error;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use pack_format::{Digest, Limit, LimitName, Limits, Manifest, Pack, ValidationError};
use tokio::time::{Instant, timeout_at};

pub use self::error::UploadError;
use crate::{
    aws::{Created, PresignedPut, Queue, Staging, Table},
    error_chain::ErrorChain,
    identity::Org,
    records::{BuildStatus, Record, Release, Timestamp, UploadId, Visibility},
    registry::RegistryAddress,
    telemetry::{Metrics, measured},
    validation::{self, Validated},
};

/// How often an upload may find that others changed the failed record which it was about to overwrite.
const MAX_CONTESTS: usize = 5;

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
    /// What is too much for an archive that comes inside a request.
    pub limits: Arc<Limits>,
    /// What is too much for one that comes by way of S3.
    pub large_limits: Arc<Limits>,
    /// How long after its arrival a request may still be worked on; for an upload, up to and with the write of its
    /// record.
    pub deadline: Duration,
}

/// What a client uploads.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The pack.
    pub archive: Archive,
    /// Who may see the pack.
    pub visibility: Visibility,
    /// When the request arrived, from which on [`Uploads::deadline`] counts.
    pub arrived_at: Instant,
}

/// Where a submitted archive is.
#[derive(Debug, Clone)]
pub enum Archive {
    /// Inside the request, as received.
    InRequest(Bytes),
    /// In S3, where the client put it by a URL of [`Uploads::begin`].
    InStaging(UploadId),
}

/// An upload that was begun, and whose archive is to be sent to S3.
#[derive(Debug, Clone)]
pub struct Begun {
    /// By which it is then submitted.
    pub id: UploadId,
    /// How the archive is sent.
    pub put: PresignedPut,
    /// Until when its sending may begin.
    pub expires_at: Timestamp,
}

/// How a good upload ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A record was written and its build is owed.
    Created(Record),
    /// The same pack is there already.
    Existing(Record),
    /// The same pack is there already, and its build, which had failed, is owed anew.
    QueuedAgain(Record),
}

impl Uploads {
    /// Begins an upload of an archive of this size in bytes and with this SHA-256, which the client is to put into S3.
    /// Nothing is written.
    ///
    /// There is no limit on how many uploads an org may have begun: one costs nothing until its archive is sent, its URL
    /// takes that one archive and no other, and how often an org may ask for one is API Gateway's to limit.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`], and [`UploadError::Unavailable`] where nothing can be signed.
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

    /// The value that a limit on archives inside a request has for those that come by way of S3, where it is greater.
    pub fn larger(&self, limit: &Limit) -> Option<u64> {
        Some(self.large_limits.value(limit)).filter(|value| *value > limit.value())
    }

    /// Takes a pack in for `org`.
    ///
    /// # Errors
    /// See [`UploadError`]: after any of them no record and no job exists that was not there before, except that a
    /// failing or slow write of the record may have been made; then its build is owed like any other.
    pub async fn submit(&self, org: &Org, submission: Submission) -> Result<Outcome, UploadError> {
        let deadline = submission.arrived_at + self.deadline;
        let outcome = timeout_at(deadline, self.take_in(org, submission)).await??;
        match &outcome {
            Outcome::Created(record) | Outcome::QueuedAgain(record) => self.enqueue(record).await,
            // It is built from another upload's archive.
            Outcome::Existing(_) => {}
        }
        Ok(outcome)
    }

    /// Makes every check that [`Uploads::submit`] makes, and writes nothing. The release of a pack that is there
    /// already is that pack's.
    ///
    /// # Errors
    /// As [`Uploads::submit`].
    pub async fn check(&self, org: &Org, submission: Submission) -> Result<Release, UploadError> {
        let deadline = submission.arrived_at + self.deadline;
        let check = async {
            let validated = match submission.archive {
                Archive::InRequest(archive) => self.validate_in_request(archive).await?,
                Archive::InStaging(upload) => self.validate_in_staging(&Staging::upload_key(org.id, upload)).await?,
            };
            let release = self.release(org, submission.visibility, validated);
            let Manifest { name, version, .. } = &release.manifest;
            let Some(found) = self.table.released(org.id, name, version).await? else { return Ok(release) };
            match decide(&found, &release)? {
                Decision::Keep | Decision::QueueAgain => Ok(found.release),
                Decision::Replace => Ok(release),
            }
        };
        timeout_at(deadline, check).await?
    }

    /// Everything up to and with the commit point.
    async fn take_in(&self, org: &Org, submission: Submission) -> Result<Outcome, UploadError> {
        let (staging_key, validated) = match submission.archive {
            Archive::InRequest(archive) => {
                let staging_key = Staging::new_key(org.id);
                let stage = measured("StageTime", self.staging.put(&staging_key, archive.clone()));
                let stage = async { Ok(stage.await?) };
                let ((), validated) = tokio::try_join!(stage, self.validate_in_request(archive))?;
                (staging_key, validated)
            }
            Archive::InStaging(upload) => {
                let staging_key = Staging::upload_key(org.id, upload);
                let validated = self.validate_in_staging(&staging_key).await?;
                (staging_key, validated)
            }
        };
        Metrics::default().bytes("ArchiveSize", validated.archive_size).write();
        let release = self.release(org, submission.visibility, validated);
        let record = Record::queued(release, staging_key, Timestamp::now());
        measured("WriteTime", self.write(record)).await
    }

    async fn validate_in_request(&self, archive: Bytes) -> Result<Validated, UploadError> {
        let archive = stream::iter([Ok(archive)]);
        let validated = measured("ValidateTime", validation::validate(archive, self.limits.clone())).await;
        validated.map_err(|rejection| match rejection {
            ValidationError::TooLarge(limit) => UploadError::TooLarge { larger: self.larger(&limit), limit },
            other => other.into(),
        })
    }

    /// Validates an archive as it comes out of S3.
    async fn validate_in_staging(&self, staging_key: &str) -> Result<Validated, UploadError> {
        let archive = self.staging.get(staging_key).await?.ok_or(UploadError::NotSent)?;
        Ok(measured("ValidateTime", validation::validate(archive, self.large_limits.clone())).await?)
    }

    fn release(&self, org: &Org, visibility: Visibility, validated: Validated) -> Release {
        let Validated { pack: Pack { manifest, .. }, image, .. } = validated;
        Release {
            org_id: org.id,
            image_ref: self.registry.image(&org.slug, &manifest.name, &manifest.version),
            image_digest: image.digest,
            size_bytes: image.size_bytes(),
            manifest,
            visibility,
        }
    }

    /// Writes the record, or settles with the one that has its name and version.
    async fn write(&self, new: Record) -> Result<Outcome, UploadError> {
        let mut created = self.table.create(&new).await?;
        let mut outcome = Outcome::Created(new.clone());
        let mut contests = 0..MAX_CONTESTS;
        loop {
            let found = match created {
                Created::Written => return Ok(outcome),
                Created::Taken(found) => found,
            };
            contests.next().ok_or(UploadError::Contested)?;
            match decide(&found, &new.release)? {
                Decision::Keep => return Ok(Outcome::Existing(*found)),
                Decision::QueueAgain => {
                    let anew = found.queued_again(new.build.staging_key.clone(), new.created_at);
                    created = self.table.queue_again(&found, &anew).await?;
                    outcome = Outcome::QueuedAgain(anew);
                }
                Decision::Replace => {
                    created = self.table.replace(&found, &new).await?;
                    outcome = Outcome::Created(new.clone());
                }
            }
        }
    }

    /// Sends the job. The record is written, so the client's answer is settled: what fails here is made up for by
    /// [`requeue`](crate::requeue).
    async fn enqueue(&self, record: &Record) {
        if let Err(error) = self.queue.send(record.into()).await {
            tracing::warn!(pack_id = %record.id, error = %ErrorChain(&error), "job not sent; requeue will send it");
        }
    }
}

/// What becomes of the record that has an upload's name and version.
enum Decision {
    /// It is the same pack, and its build is done or owed.
    Keep,
    /// It is the same pack, and its build failed.
    QueueAgain,
    /// It is another pack, or for others to see, and its build failed.
    Replace,
}

fn decide(found: &Record, wanted: &Release) -> Result<Decision, UploadError> {
    let same = found.release.image_digest == wanted.image_digest && found.release.visibility == wanted.visibility;
    match (&found.build.status, same) {
        (BuildStatus::Queued | BuildStatus::Ready, true) => Ok(Decision::Keep),
        (BuildStatus::Failed { .. }, true) => Ok(Decision::QueueAgain),
        (BuildStatus::Failed { .. }, false) => Ok(Decision::Replace),
        (BuildStatus::Queued | BuildStatus::Ready, false) => {
            Err(UploadError::Conflict { pack_id: found.id, image_digest: found.release.image_digest })
        }
    }
}
