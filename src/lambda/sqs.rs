//! Handles events from the build queue and the purge queue.

use std::{
    error::Error,
    fmt::Debug,
    time::{Duration, SystemTime},
};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tracing::{Instrument, Span, field};

use crate::{
    aws::{Job, PurgeJob},
    build::Builder,
    error_chain::ErrorChain,
    lifecycle::Purger,
    telemetry::{Metrics, Trace, timed},
};

/// How many jobs in a batch run at the same time. The number is small because a build keeps up to 32 MiB of a pack's
/// contents and 4 MiB of its layer in memory.
const CONCURRENT_JOBS: usize = 2;

/// The use cases that handle jobs.
#[derive(Debug, Clone)]
pub struct Handlers {
    pub builder: Builder,
    pub purger: Purger,
}

/// The body of a message.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Build(Job),
    Purge(PurgeJob),
}

/// The log and metric names for one kind of job.
struct Names {
    job: &'static str,
    count: &'static str,
    time: &'static str,
}

const BUILD: Names = Names { job: "build", count: "Builds", time: "BuildTime" };
const PURGE: Names = Names { job: "purge", count: "Purges", time: "PurgeTime" };

/// Handles the jobs in a batch, and returns the messages that SQS must deliver again: those that are malformed, and
/// those whose job returned an error or panicked. They do not affect the other messages in the batch. A build that
/// failed permanently is done, so its message is not returned. SQS moves a message that keeps failing to the
/// dead-letter queue.
pub async fn handle_batch(handlers: &Handlers, event: SqsEvent) -> SqsBatchResponse {
    let handle = |message: SqsMessage| {
        let trace = trace(&message);
        // The span has the level ERROR, so that it is enabled at every log level.
        let span = tracing::error_span!(
            "job",
            trace_id = trace.as_ref().map(Trace::id),
            message_id = message.message_id,
            pack_id = field::Empty,
            attempt = field::Empty,
        );
        handle_message(handlers, message).instrument(span)
    };
    let failures = stream::iter(event.records).map(handle).buffer_unordered(CONCURRENT_JOBS);
    let failures: Vec<String> = failures.filter_map(std::future::ready).collect().await;
    let mut response = SqsBatchResponse::default();
    response.set_failures(failures);
    response
}

/// Handles one message. Returns its id if SQS must deliver it again.
async fn handle_message(handlers: &Handlers, message: SqsMessage) -> Option<String> {
    if let Some(age) = queue_age(&message) {
        Metrics::default().milliseconds("QueueAge", age).write();
    }
    let is_done = match serde_json::from_str(message.body.as_deref().unwrap_or_default()) {
        Ok(Message::Build(job)) => {
            Span::current().record("pack_id", field::display(job.pack_id)).record("attempt", job.attempt);
            let builder = handlers.builder.clone();
            run(BUILD, async move { builder.build(job).await }).await
        }
        Ok(Message::Purge(job)) => {
            Span::current().record("pack_id", field::display(job.pack_id));
            let purger = handlers.purger.clone();
            run(PURGE, async move { purger.purge(job).await }).await
        }
        Err(error) => {
            tracing::error!(error = %error, "message is not a job");
            false
        }
    };
    (!is_done).then(|| message.message_id.unwrap_or_default())
}

/// Runs a job in a separate task, so that a panic ends only this job. Writes the job's log line and metrics. Returns
/// whether the job is done. If not, it must be retried.
async fn run<Outcome, Failure>(
    names: Names,
    work: impl Future<Output = Result<Outcome, Failure>> + Send + 'static,
) -> bool
where
    Outcome: Debug + Into<&'static str> + Send + 'static,
    Failure: Error + Send + 'static,
{
    let Names { job, count, time } = names;
    let (result, duration) = timed(tokio::spawn(work.in_current_span())).await;
    let (outcome, is_done) = match result {
        Ok(Ok(outcome)) => {
            tracing::info!(outcome = ?outcome, "{job} finished");
            (outcome.into(), true)
        }
        Ok(Err(error)) => {
            tracing::warn!(error = %ErrorChain(&error), "{job} did not succeed and will be retried");
            ("unsettled", false)
        }
        Err(error) => {
            tracing::error!(error = %error, "{job} panicked");
            ("panicked", false)
        }
    };
    Metrics::by("Outcome", outcome).count(count, 1).milliseconds(time, duration).write();
    is_done
}

/// Returns how long ago a message was sent, or `None` if the message does not contain the time.
fn queue_age(message: &SqsMessage) -> Option<Duration> {
    let sent = Duration::from_millis(message.attributes.get("SentTimestamp")?.parse().ok()?);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(now.saturating_sub(sent))
}

/// Returns the trace in which the message was sent. The invocation itself has a different trace.
fn trace(message: &SqsMessage) -> Option<Trace> {
    Trace::parse(message.attributes.get("AWSTraceHeader")?)
}
