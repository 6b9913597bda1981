//! Handles the scheduled events that run requeue.

use aws_lambda_events::cloudwatch_events::CloudWatchEvent;
use lambda_runtime::LambdaEvent;
use tracing::Instrument;

use crate::{
    error_chain::ErrorChain,
    requeue::Requeue,
    telemetry::{Metrics, Trace},
};

/// Runs one sweep, and writes its log line and metrics.
///
/// # Errors
/// Returns an error if the queues or the index cannot be read. The invocation then fails.
pub async fn handle(requeue: &Requeue, event: LambdaEvent<CloudWatchEvent>) -> Result<(), lambda_runtime::Error> {
    let trace = Trace::from_context(&event.context);
    let span = tracing::error_span!("sweep", trace_id = trace.as_ref().map(Trace::id));
    let sweep = Trace::scope(trace, requeue.sweep()).instrument(span).await;
    let sweep = sweep.inspect_err(|error| tracing::error!(error = %ErrorChain(error), "sweep failed"))?;
    tracing::info!(
        due = sweep.due,
        due_events = sweep.due_events,
        due_uploads = sweep.due_uploads,
        sent = sweep.sent,
        sent_events = sweep.sent_events,
        removed_uploads = sweep.removed_uploads,
        postponed = sweep.postponed,
        failed = sweep.failed,
        errors = sweep.errors,
        "sweep finished"
    );
    if sweep.is_cut_short {
        tracing::warn!("sweep stopped at its time limit; the next one continues");
    }
    Metrics::default()
        .count("DueJobs", sweep.due)
        .count("AbandonedBuilds", sweep.failed)
        .seconds("OldestBuildAge", sweep.oldest)
        .write();
    Ok(())
}
