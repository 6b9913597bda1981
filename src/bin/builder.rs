//! The Lambda function that handles the messages from the build queue and the purge queue.

use std::{convert::Infallible, env, sync::Arc};

use aws_config::BehaviorVersion;
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use pack_upload::{
    aws::{self, EventBus, Events, Staging, Table},
    build::Builder,
    config,
    error_chain::ErrorChain,
    lambda::sqs::{self, Handlers},
    lifecycle::Purger,
    registry::Registry,
    signing::Signer,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init_json();
    let config = config::Builder::read(|variable| env::var(variable).ok())
        .inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let table = Table::new(aws::dynamodb(&sdk, &config.timeouts), config.table_name)
        .with_resend_after(config.resend_after)
        .with_events(config.event_bus_name.is_some());
    let bus = config.event_bus_name.map(|name| EventBus::new(aws::eventbridge(&sdk, &config.timeouts), name));
    let events = Events::new(table.clone(), bus);
    let registry = Registry::new(config.registry, &sdk, &config.timeouts);
    // Prepare the registry client in the background, so that the first event need not wait for it.
    tokio::spawn(registry.clone().prepare());
    let signer = config.signing.map(|signing| Signer::new(signing, &sdk, &config.timeouts)).transpose();
    let signer = signer.inspect_err(|error| tracing::error!(error = %ErrorChain(error), "cannot start"))?;
    let s3 = aws::s3(&sdk, &config.timeouts, config.s3_path_style);
    let staging = Staging::new(s3, config.staging_bucket);
    let purger = Purger {
        table: table.clone(),
        registry: registry.clone(),
        attestations: staging.attestations(),
        events: events.clone(),
        lease: config.lease,
        lease_wait: Purger::LEASE_WAIT,
    };
    let builder = Builder {
        table,
        attestations: staging.attestations(),
        staging,
        registry,
        events,
        signer,
        limits: Arc::new(config.limits),
        lease: config.lease,
    };
    let handlers = Handlers { builder, purger };
    let handle =
        |event: LambdaEvent<SqsEvent>| async { Ok::<_, Infallible>(sqs::handle_batch(&handlers, event.payload).await) };
    lambda_runtime::run(service_fn(handle)).await
}
