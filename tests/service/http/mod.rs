//! Tests for the HTTP layer, including authentication, routes, forms, sessions, tenants, the org limits and the
//! audit trail. Most tests send an event from API Gateway to the HTTP handler in this process and check the response,
//! which must match openapi.yaml.
//!
//! To add a case, build an event with [`request`] or [`event`]. If the request must not call a backend, send it with
//! [`send`]. Otherwise, send it with [`TestApi`](test_api::TestApi), which has embedded backends.

mod admin;
mod agreement;
mod attestations;
mod audit;
mod authkit;
mod begin_upload;
mod conflicts;
mod corrupt;
mod delete;
mod envelope;
mod events;
mod forged;
mod form;
mod issuer;
mod jwks;
mod limits;
mod lists;
mod malformed_uris;
mod mistakes;
mod openapi;
mod order;
mod origin;
mod problems;
mod revocation;
mod routes;
mod sessions;
mod tenants;
mod test_api;
mod two_orgs;
mod unauthenticated;
mod update;
mod uploads;
mod warnings;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use lambda_http::{
    Body, Context, LambdaEvent, Request, RequestExt as _, http::Response, request::LambdaRequest, tower::ServiceExt,
};
use pack_format::Limits;
use pack_upload::{
    aws::{Queue, Staging, Table},
    identity::{OrgLimits, Settings},
    lambda::http::{self, Api},
    lifecycle::Lifecycle,
    upload::Uploads,
};
use serde_json::{Value, json};

use crate::support::{event, openapi as document};

/// Returns an API whose backends are all unreachable.
pub(crate) fn unreachable() -> Arc<Api> {
    let credentials = Credentials::new("id", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url("http://127.0.0.1:1")
        .retry_config(RetryConfig::disabled())
        .build();
    let table = Table::new(aws_sdk_dynamodb::Client::new(&config), "packs".to_owned());
    let sqs = aws_sdk_sqs::Client::new(&config);
    let lifecycle = Lifecycle {
        table: table.clone(),
        purges: Queue::new(sqs.clone(), "http://127.0.0.1:1/purges".to_owned()),
        purge_wait: Duration::from_secs(1),
    };
    let uploads = Uploads {
        table,
        staging: Staging::new(aws_sdk_s3::Client::new(&config), "staging".to_owned()),
        queue: Queue::new(sqs, "http://127.0.0.1:1/queue".to_owned()),
        registry: "127.0.0.1:1".parse().unwrap(),
        limits: Arc::new(Limits::default()),
        large_limits: Arc::new(Limits::large()),
        org_limits: OrgLimits::unlimited(),
        deadline: Duration::from_secs(5),
    };
    Arc::new(Api::new(uploads, lifecycle, &Settings::default()))
}

/// Returns an HTTP API event without a credential.
fn request(method: &str, path: &str) -> Value {
    let mut event = event("list");
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!("");
    event["requestContext"]["http"]["method"] = json!(method);
    event["headers"].as_object_mut().unwrap().remove("authorization");
    event
}

/// Sends an event to an API whose backends are all unreachable.
async fn send(event: &Value) -> ApiResponse {
    send_to(unreachable(), event).await
}

/// Sends an event and checks the response against openapi.yaml.
async fn send_to(api: Arc<Api>, event: &Value) -> ApiResponse {
    let request: Request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let (method, path) = (request.method().clone(), path(&request, event));
    let response: Response<Body> = http::service(api).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let (status, body) = (head.status.as_u16(), serde_json::from_slice(&body).unwrap());
    document::expect_documented(method.as_str(), &path, status, &head.headers, &body);
    ApiResponse { status, headers: head.headers, body }
}

/// Invokes the `api` Lambda function in this process and returns its response.
async fn invoke(api: Arc<Api>, event: Value) -> Value {
    let payload: LambdaRequest = serde_json::from_value(event).unwrap();
    let response = http::function(api).oneshot(LambdaEvent::new(payload, Context::default())).await.unwrap();
    serde_json::to_value(response).unwrap()
}

/// Returns the request's path without the stage.
fn path(request: &Request, event: &Value) -> String {
    let path = request.raw_http_path();
    let stage = event["requestContext"]["stage"].as_str().unwrap_or_default();
    let routed = path.strip_prefix(&format!("/{stage}")).filter(|rest| rest.starts_with('/'));
    routed.unwrap_or(path).to_owned()
}

/// Returns the record in an upload's response as a read returns it: without warnings.
fn read(uploaded: &Value) -> Value {
    let mut read = uploaded.clone();
    read.as_object_mut().unwrap().remove("warnings");
    read
}

/// Returns the record in an upload's response as a list returns it: without warnings and capabilities.
fn listed(uploaded: &Value) -> Value {
    let mut listed = read(uploaded);
    listed.as_object_mut().unwrap().remove("capabilities");
    listed
}

struct ApiResponse {
    status: u16,
    headers: lambda_http::http::HeaderMap,
    body: Value,
}

impl ApiResponse {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the status and the code of an error response.
    #[track_caller]
    fn code(&self) -> (u16, &str) {
        (self.status, self.body["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {}", self.body)))
    }

    /// Returns the problems in a validation error, by field.
    #[track_caller]
    fn fields(&self) -> &Value {
        assert_eq!(self.code(), (400, "validation_error"), "{}", self.body);
        let details = &self.body["error"]["details"];
        let mut fields: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for problem in details["problems"].as_array().unwrap() {
            fields.entry(problem["field"].as_str().unwrap()).or_default().push(&problem["message"]);
        }
        assert_eq!(json!(fields), details["fields"], "both lists have the same problems");
        &details["fields"]
    }
}
