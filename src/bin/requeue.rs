//! The scheduled Lambda function: sends due jobs again, sends events that were not sent, fails builds that have been
//! tried too many times or have been pending for too long, and removes uploads that were begun but never submitted.

use std::env;

use aws_config::BehaviorVersion;
use aws_lambda_events::cloudwatch_events::CloudWatchEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use pack_upload::{
    aws::{self, EventBus, Events, Queue, Staging, Table},
    config,
    lambda::schedule,
    requeue::Requeue,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init_json();
    let config = config::Requeue::read(|variable| env::var(variable).ok())
        .inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let sqs = aws::sqs(&sdk, &config.timeouts);
    let table = Table::new(aws::dynamodb(&sdk, &config.timeouts), config.table_name)
        .with_resend_after(config.resend_after)
        .with_events(config.event_bus_name.is_some());
    let bus = config.event_bus_name.map(|name| EventBus::new(aws::eventbridge(&sdk, &config.timeouts), name));
    let requeue = Requeue {
        events: Events::new(table.clone(), bus),
        table,
        staging: Staging::new(aws::s3(&sdk, &config.timeouts, config.s3_path_style), config.staging_bucket),
        queue: Queue::new(sqs.clone(), config.build_queue_url),
        purges: Queue::new(sqs, config.purge_queue_url),
        settings: config.settings,
    };
    let handle = |event: LambdaEvent<CloudWatchEvent>| schedule::handle(&requeue, event);
    lambda_runtime::run(service_fn(handle)).await
}
