//! Handles events of the build queue.

use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{StreamExt, stream};
use tracing::Instrument;

use crate::{
    aws::Job,
    build::Builder,
    error_chain::ErrorChain,
    telemetry::{Metrics, Trace, timed},
};

/// How many jobs of a batch run at the same time. Each may hold the contents of a pack in memory.
const CONCURRENT_JOBS: usize = 2;

/// Handles the jobs of a batch, and returns the messages that SQS must deliver again. These include malformed messages
/// and those whose build panics, which end up in the dead-letter queue if they keep failing. They do not affect the
/// other messages of the batch.
pub async fn handle_batch(builder: &Builder, event: SqsEvent) -> SqsBatchResponse {
    let handle = |message| {
        let trace = trace(&message);
        // At error level, so that the span is enabled at every log level.
        let span = tracing::error_span!("job", trace_id = trace.as_ref().map(Trace::id));
        handle_message(builder, message).instrument(span)
    };
    let failures = stream::iter(event.records).map(handle).buffer_unordered(CONCURRENT_JOBS);
    let failures: Vec<String> = failures.filter_map(std::future::ready).collect().await;
    let mut response = SqsBatchResponse::default();
    response.set_failures(failures);
    response
}

/// Handles one message, and writes its log line and metrics. Returns its id if SQS must deliver it again.
async fn handle_message(builder: &Builder, message: SqsMessage) -> Option<String> {
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
    let builder = builder.clone();
    // In a separate task, so that a panic ends only this job.
    let (result, time) = timed(tokio::spawn(async move { builder.build(job).await }.in_current_span())).await;
    let (outcome, failure) = match result {
        Ok(Ok(outcome)) => {
            tracing::info!(message_id, %pack_id, attempt, outcome = ?outcome, "build finished");
            (outcome.into(), None)
        }
        Ok(Err(error)) => {
            let error = ErrorChain(&error);
            tracing::warn!(message_id, %pack_id, attempt, %error, "build failed; it will be retried");
            ("unsettled", Some(message_id))
        }
        Err(error) => {
            tracing::error!(message_id, %pack_id, attempt, error = %error, "build panicked");
            ("panicked", Some(message_id))
        }
    };
    Metrics::by("Outcome", outcome).count("Builds", 1).milliseconds("BuildTime", time).write();
    failure
}

/// Returns how long ago a message was sent, or `None` if the message does not say so.
fn queue_age(message: &SqsMessage) -> Option<Duration> {
    let sent = Duration::from_millis(message.attributes.get("SentTimestamp")?.parse().ok()?);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(now.saturating_sub(sent))
}

/// Returns the trace of a message's sender, from the message's attributes. The invocation itself has another trace.
fn trace(message: &SqsMessage) -> Option<Trace> {
    Trace::parse(message.attributes.get("AWSTraceHeader")?)
}
