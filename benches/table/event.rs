use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use lambda_http::{Context, LambdaEvent, Request, Service, request::LambdaRequest};
use pack_format::Limits;
use pack_upload::{
    aws::{self, Queue, Staging, Table, Timeouts},
    identity::{self, OrgLimits},
    lambda::http::{self, Api},
    lifecycle::Lifecycle,
    upload::Uploads,
};
use tokio::runtime::Runtime;

use crate::fake_aws::FakeAws;

/// Returns the API that the `api` Lambda function serves, with a fake AWS.
pub(crate) fn api(aws: FakeAws) -> Arc<Api> {
    let credentials = Credentials::new("id", "secret", None, None, "benchmark");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws)
        .build();
    let timeouts = Timeouts::default();
    let table = Table::new(aws::dynamodb(&sdk, &timeouts), "packs".to_owned());
    let sqs = aws::sqs(&sdk, &timeouts);
    let lifecycle = Lifecycle {
        table: table.clone(),
        purges: Queue::new(sqs.clone(), "https://sqs.example/purges".to_owned()),
        purge_wait: Duration::from_secs(15),
    };
    let uploads = Uploads {
        table,
        staging: Staging::new(aws::s3(&sdk, &timeouts, false), "staging".to_owned()),
        queue: Queue::new(sqs, "https://sqs.example/builds".to_owned()),
        registry: "registry.example/packs".parse().expect("the address is valid"),
        limits: Arc::new(Limits::default()),
        large_limits: Arc::new(Limits::large()),
        org_limits: OrgLimits::default(),
        deadline: Duration::from_secs(20),
    };
    Arc::new(Api::new(uploads, lifecycle, &identity::Settings::default()))
}

/// Handles an event given as JSON and returns the response as JSON. Panics unless the status is 201.
pub(crate) fn handle(runtime: &Runtime, api: &Arc<Api>, event: &str) -> String {
    let payload: LambdaRequest = serde_json::from_str(event).expect("the event is valid");
    let mut function = http::function(Arc::clone(api));
    let Ok(response) = runtime.block_on(function.call(LambdaEvent::new(payload, Context::default())));
    let response = serde_json::to_string(&response).expect("a response serializes");
    assert!(response.contains("\"statusCode\":201"), "{response}");
    response
}

/// Decodes an event with `lambda_http`, as [`handle`] does first.
pub(crate) fn decode(event: &str) -> Request {
    lambda_http::request::from_str(event).expect("the event is valid")
}
