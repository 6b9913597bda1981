//! The edge through its public door: events as AWS sends them go in, answers come out.
//!
//! Nothing here gets past authentication, so no backend is there to be asked.

mod envelope;
mod events;
mod routes;
mod unauthenticated;

use std::sync::Arc;

use lambda_http::{Body, Request, http::Response, tower::ServiceExt};
use pack_upload::{
    aws::{Queue, Staging, Table},
    http::{self, Api},
    pack::Limits,
    upload::Uploads,
};
use serde_json::{Value, json};

/// The API on clients that reach nothing.
fn api() -> Arc<Api> {
    let region = aws_config::Region::new("eu-central-1");
    let latest = aws_config::BehaviorVersion::latest();
    let config = aws_config::SdkConfig::builder().region(region).behavior_version(latest).build();
    Arc::new(Api::new(Uploads {
        table: Table::new(aws_sdk_dynamodb::Client::new(&config), "packs".to_owned()),
        staging: Staging::new(aws_sdk_s3::Client::new(&config), "staging".to_owned()),
        queue: Queue::new(aws_sdk_sqs::Client::new(&config), "http://127.0.0.1:1/queue".to_owned()),
        registry: "127.0.0.1:1".parse().unwrap(),
        limits: Arc::new(Limits::default()),
        deadline: std::time::Duration::from_secs(1),
    }))
}

/// One of the events in `events/`.
fn event(name: &str) -> Value {
    let path = format!("{}/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
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

/// The answer to an event.
async fn answer(event: &Value) -> Answer {
    let request: Request = lambda_http::request::from_str(&event.to_string()).unwrap();
    Answer::of(http::service(api()).oneshot(request).await.unwrap())
}

struct Answer {
    status: u16,
    headers: lambda_http::http::HeaderMap,
    body: Value,
}

impl Answer {
    fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let Body::Text(text) = body else { panic!("JSON is sent as text, not {body:?}") };
        Self { status: head.status.as_u16(), headers: head.headers, body: serde_json::from_str(&text).unwrap() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn code(&self) -> (u16, &str) {
        (self.status, self.body["error"]["code"].as_str().unwrap())
    }
}
