//! The use case below the line: fetch the staged archive, validate it again, push its image, mark the record.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{StreamExt, stream};
use pack_format::{Limits, ValidationError};
use tracing::Instrument;

use crate::{
    aws::{self, Job, Staging, Table},
    error_chain::ErrorChain,
    records::{BuildStatus, Record, Timestamp},
    registry::{self, Registry},
    telemetry::{Metrics, Trace, timed},
    validation::{self, Validated},
};

/// How many jobs of a batch are done side by side: each holds an archive and its pack in memory.
const CONCURRENT_JOBS: usize = 2;

/// Does build jobs.
#[derive(Debug, Clone)]
pub struct Builder {
    /// Where records are.
    pub table: Table,
    /// Where archives are.
    pub staging: Staging,
    /// Where images go.
    pub registry: Registry,
    /// What is too much: the same as for the upload.
    pub limits: Arc<Limits>,
}

/// How a job was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildOutcome {
    /// The image is in the registry, and the record is ready.
    Ready,
    /// No image can come of it, and the record says why unless a newer attempt is under way.
    Failed {
        /// The reason, for the pack's author.
        reason: String,
    },
    /// There was nothing to do: the record is ready, or gone, or in a newer attempt.
    Dropped,
}

impl BuildOutcome {
    /// As metrics name it.
    fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Failed { .. } => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// Why a job was not settled. Trying again may help.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A call to AWS failed.
    #[error("a call to AWS failed")]
    Aws(#[from] aws::Error),
    /// The archive was not read to its end, or its contents could not be kept.
    #[error("the archive could not be read")]
    Archive(#[source] io::Error),
    /// The image was not pushed.
    #[error("the image was not pushed")]
    Registry(#[from] registry::Error),
}

/// What keeps an image from being made.
enum BuildFailure {
    /// It will always do so; the reason is for the pack's author.
    Permanent(String),
    /// It may pass.
    Transient(BuildError),
}

impl Builder {
    /// Does the jobs of a batch and answers with those that are to be delivered again. One that is malformed, or whose
    /// doing panics, harms none beside it and ends in the dead-letter queue.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let attend = |message| {
            let trace = trace(&message);
            // At the level of errors, as the request's.
            let span = tracing::error_span!("job", trace_id = trace.as_ref().map(Trace::id));
            self.attend(message).instrument(span)
        };
        let outcomes = stream::iter(event.records).map(attend).buffer_unordered(CONCURRENT_JOBS);
        let unsettled: Vec<String> = outcomes.filter_map(std::future::ready).collect().await;
        let mut response = SqsBatchResponse::default();
        response.set_failures(unsettled);
        response
    }

    /// Does one message's job, and logs and measures it; the message's id if it is to be delivered again.
    async fn attend(&self, message: SqsMessage) -> Option<String> {
        if let Some(age) = queue_age(&message) {
            Metrics::default().milliseconds("QueueAge", age).write();
        }
        let message_id = message.message_id.unwrap_or_default();
        let job: Job = match serde_json::from_str(message.body.as_deref().unwrap_or_default()) {
            Ok(job) => job,
            Err(error) => {
                tracing::error!(message_id, error = %error, "message is not a build job");
                return Some(message_id);
            }
        };
        let Job { pack_id, attempt } = job;
        let builder = self.clone();
        let (done, time) = timed(tokio::spawn(async move { builder.build(job).await }.in_current_span())).await;
        let (outcome, unsettled) = match done {
            Ok(Ok(built)) => {
                tracing::info!(message_id, %pack_id, attempt, outcome = ?built, "build settled");
                (built.name(), None)
            }
            Ok(Err(error)) => {
                tracing::warn!(message_id, %pack_id, attempt, error = %ErrorChain(&error), "build to be tried again");
                ("unsettled", Some(message_id))
            }
            Err(error) => {
                tracing::error!(message_id, %pack_id, attempt, error = %error, "build panicked");
                ("panicked", Some(message_id))
            }
        };
        Metrics::by("Outcome", outcome).count("Builds", 1).milliseconds("BuildTime", time).write();
        unsettled
    }

    /// Does a job. Doing it twice, or late, changes nothing.
    ///
    /// # Errors
    /// See [`BuildError`]: the job should be done again.
    pub async fn build(&self, job: Job) -> Result<BuildOutcome, BuildError> {
        let Some(record) = self.table.record(job.pack_id).await? else { return Ok(BuildOutcome::Dropped) };
        if record.build.status == BuildStatus::Ready || job.attempt < record.build.attempt {
            return Ok(BuildOutcome::Dropped);
        }
        match self.ship(&record).await {
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

    /// Brings the image that a record promises into the registry.
    async fn ship(&self, record: &Record) -> Result<(), BuildFailure> {
        let archive = self.staging.get(&record.build.staging_key).await?.ok_or_else(|| {
            BuildFailure::Permanent("the uploaded archive expired before it was built; upload it again".to_owned())
        })?;
        let Validated { pack, image, contents, .. } = validation::validate(archive, self.limits.clone()).await?;
        let promised = record.release.image_digest;
        if image.digest != promised {
            let found = image.digest;
            return Err(BuildFailure::Permanent(format!(
                "the archive gives an image of digest {found}, but {promised} was promised; upload it again"
            )));
        }
        Ok(self.registry.push(&record.release.image_ref, &image, pack.tree, contents).await?)
    }
}

/// How long ago a message was first sent, by the attribute that SQS gives it.
fn queue_age(message: &SqsMessage) -> Option<Duration> {
    let sent = Duration::from_millis(message.attributes.get("SentTimestamp")?.parse().ok()?);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(now.saturating_sub(sent))
}

/// The trace that a message's sender worked for: Lambda hands it on beside the message, and has another for the
/// invocation itself.
fn trace(message: &SqsMessage) -> Option<Trace> {
    Trace::parse(message.attributes.get("AWSTraceHeader")?)
}

impl From<aws::Error> for BuildFailure {
    fn from(error: aws::Error) -> Self {
        Self::Transient(error.into())
    }
}

impl From<ValidationError> for BuildFailure {
    /// The archive was good when it was uploaded, so that where it is refused the rules have changed since.
    fn from(rejection: ValidationError) -> Self {
        match rejection {
            ValidationError::Io(error) => Self::Transient(BuildError::Archive(error)),
            ValidationError::TooLarge(_) | ValidationError::Invalid(_) => {
                Self::Permanent(format!("the archive is no longer accepted: {rejection}"))
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
