//! The Lambda function that serves the HTTP API, behind API Gateway or a Function URL.

use std::{env, sync::Arc};

use aws_config::BehaviorVersion;
use futures_util::FutureExt;
use lambda_http::request::LambdaRequest;
use lambda_runtime::{LambdaEvent, service_fn};
use pack_upload::{
    aws::{self, Queue, Staging, Table},
    config,
    lambda::http::{self, Api},
    lifecycle::Lifecycle,
    telemetry,
    upload::Uploads,
};
use tower::ServiceExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init_json();
    let config = config::Api::read(|variable| env::var(variable).ok())
        .inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    // Create the SDK's clients when the first event arrives, not at startup: creating them loads the system's
    // certificates, which would be the slowest part of the startup.
    let api = async { Arc::new(api(config).await) }.shared();
    let handle = |event: LambdaEvent<LambdaRequest>| {
        let api = api.clone();
        async { http::function(api.await).oneshot(event).await }
    };
    lambda_runtime::run(service_fn(handle)).await
}

async fn api(config: config::Api) -> Api {
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let table = Table::new(aws::dynamodb(&sdk, &config.timeouts), config.table_name)
        .with_community_cache(config.community_cache)
        .with_resend_after(config.resend_after);
    let sqs = aws::sqs(&sdk, &config.timeouts);
    let lifecycle = Lifecycle {
        table: table.clone(),
        purges: Queue::new(sqs.clone(), config.purge_queue_url),
        purge_wait: config.purge_wait,
    };
    let uploads = Uploads {
        table,
        staging: Staging::new(aws::s3(&sdk, &config.timeouts, config.s3_path_style), config.staging_bucket),
        queue: Queue::new(sqs, config.build_queue_url),
        registry: config.registry,
        limits: Arc::new(config.limits),
        large_limits: Arc::new(config.large_limits),
        org_limits: config.org_limits,
        deadline: config.deadline,
    };
    Api::new(uploads, lifecycle, &config.identity)
}
