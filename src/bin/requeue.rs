//! The Lambda that a schedule runs.

use std::env;

use aws_config::BehaviorVersion;
use aws_lambda_events::cloudwatch_events::CloudWatchEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use pack_upload::{
    aws::{self, Queue, Table},
    config,
    error_chain::ErrorChain,
    requeue::Requeue,
    telemetry::{self, Metrics, Trace},
};
use tracing::Instrument;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init_json();
    let config = config::Requeue::read(|variable| env::var(variable).ok())
        .inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let requeue = Requeue {
        table: Table::new(aws::dynamodb(&sdk, &config.timeouts), config.table_name),
        queue: Queue::new(aws::sqs(&sdk, &config.timeouts), config.build_queue_url),
        settings: config.settings,
    };
    let handle = async |event: LambdaEvent<CloudWatchEvent>| {
        let trace = Trace::from_context(&event.context);
        let span = tracing::error_span!("sweep", trace_id = trace.as_ref().map(Trace::id));
        let sweep = Trace::scope(trace, requeue.sweep()).instrument(span).await;
        let sweep = sweep.inspect_err(|error| tracing::error!(error = %ErrorChain(error), "not swept"))?;
        tracing::info!(
            pending = sweep.pending,
            sent = sweep.sent,
            failed = sweep.failed,
            errors = sweep.errors,
            "swept"
        );
        Metrics::default().count("PendingBuilds", sweep.pending).seconds("OldestBuildAge", sweep.oldest).write();
        Ok::<(), lambda_runtime::Error>(())
    };
    lambda_runtime::run(service_fn(handle)).await
}
