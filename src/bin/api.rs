//! The Lambda behind API Gateway or a Function URL.

use std::{env, sync::Arc};

use aws_config::BehaviorVersion;
use pack_upload::{
    aws::{self, Queue, Staging, Table},
    config,
    http::{self, Api},
    telemetry,
    upload::Uploads,
};

// Judging an archive keeps a thread busy while the other stages it.
#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init_json();
    let config = config::Api::read(|variable| env::var(variable).ok())
        .inspect_err(|error| tracing::error!(%error, "cannot start"))?;
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let uploads = Uploads {
        table: Table::new(aws::dynamodb(&sdk, &config.timeouts), config.table_name),
        staging: Staging::new(aws::s3(&sdk, &config.timeouts, config.s3_path_style), config.staging_bucket),
        queue: Queue::new(aws::sqs(&sdk, &config.timeouts), config.build_queue_url),
        registry: config.registry,
        limits: Arc::new(config.limits),
        large_limits: Arc::new(config.large_limits),
        deadline: config.deadline,
    };
    lambda_runtime::run(http::function(Arc::new(Api::new(uploads, &config.identity)))).await
}
