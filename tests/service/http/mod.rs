//! The edge through its public door: events as AWS sends them go in, answers come out.

mod admin;
mod audit;
mod backend;
mod begin_upload;
mod corrupt;
mod envelope;
mod events;
mod form;
mod issuer;
mod jwks;
mod openapi;
mod order;
mod origins;
mod revocation;
mod routes;
mod sessions;
mod tenants;
mod unauthenticated;
mod uploads;

use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use lambda_http::{Body, Request, RequestExt as _, http::Response, tower::ServiceExt};
use pack_format::Limits;
use pack_upload::{
    aws::{Queue, Staging, Table},
    identity::Settings,
    lambda::http::{self, Api},
    upload::Uploads,
};
use serde_json::{Value, json};

use crate::support::{event, openapi as document};

/// The API on clients whose every call is refused.
fn unreachable() -> Arc<Api> {
    let credentials = Credentials::new("id", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url("http://127.0.0.1:1")
        .retry_config(RetryConfig::disabled())
        .build();
    let uploads = Uploads {
        table: Table::new(aws_sdk_dynamodb::Client::new(&config), "packs".to_owned()),
        staging: Staging::new(aws_sdk_s3::Client::new(&config), "staging".to_owned()),
        queue: Queue::new(aws_sdk_sqs::Client::new(&config), "http://127.0.0.1:1/queue".to_owned()),
        registry: "127.0.0.1:1".parse().unwrap(),
        limits: Arc::new(Limits::default()),
        large_limits: Arc::new(Limits::large()),
        deadline: Duration::from_secs(5),
    };
    Arc::new(Api::new(uploads, &Settings::default()))
}

/// An HTTP API event without credentials.
fn request(method: &str, path: &str) -> Value {
    let mut event = event("list");
    event["rawPath"] = json!(path);
    event["rawQueryString"] = json!("");
    event["requestContext"]["http"]["method"] = json!(method);
    event["headers"].as_object_mut().unwrap().remove("authorization");
    event
}

/// The answer to an event that needs no backend.
async fn answer(event: &Value) -> Answer {
    Answer::read(unreachable(), event).await
}

/// The path without the stage that the event has in front of it.
fn path(request: &Request, event: &Value) -> String {
    let path = request.raw_http_path();
    let stage = event["requestContext"]["stage"].as_str().unwrap_or_default();
    let routed = path.strip_prefix(&format!("/{stage}")).filter(|rest| rest.starts_with('/'));
    routed.unwrap_or(path).to_owned()
}

struct Answer {
    status: u16,
    headers: lambda_http::http::HeaderMap,
    body: Value,
}

impl Answer {
    async fn read(api: Arc<Api>, event: &Value) -> Self {
        let request: Request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let (method, path) = (request.method().clone(), path(&request, event));
        let response: Response<Body> = http::service(api).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let Body::Text(text) = body else { panic!("JSON is sent as text, not {body:?}") };
        let (status, body) = (head.status.as_u16(), serde_json::from_str(&text).unwrap());
        document::expect_documented(method.as_str(), &path, status, &head.headers, &body);
        Self { status, headers: head.headers, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status and the code of an error.
    #[track_caller]
    fn code(&self) -> (u16, &str) {
        (self.status, self.body["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {}", self.body)))
    }

    /// The fields of a validation error, with their problems.
    #[track_caller]
    fn fields(&self) -> &Value {
        assert_eq!(self.code(), (400, "validation_error"), "{}", self.body);
        &self.body["error"]["details"]["fields"]
    }
}
