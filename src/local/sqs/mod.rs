//! An in-memory SQS with the part of the API that the service and its tests use, in the AWS JSON 1.0 protocol.
//!
//! A restart loses all queues and messages. `requeue` then sends the jobs for all pending builds and purges again.

mod actions;
mod attributes;
mod error;
mod input;
mod message;
mod queue;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::post,
};
use tokio::sync::Notify;

use self::{error::Error, queue::Queue};

/// The server, with all queues of the account `000000000000`.
#[derive(Debug)]
struct Server {
    /// The endpoint URL, without a trailing slash.
    url: String,
    queues: Mutex<BTreeMap<String, Queue>>,
    /// Wakes long polls when a message may have become visible.
    arrivals: Notify,
}

/// Returns the router of an SQS server without queues. `url` is the server's URL.
pub(super) fn router(url: String) -> Router {
    let server = Server { url, queues: Mutex::default(), arrivals: Notify::new() };
    // Older SDKs send requests to the URL of the queue.
    Router::new().route("/", post(action)).route("/{account}/{queue}", post(action)).with_state(Arc::new(server))
}

async fn action(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let output = match target.strip_prefix("AmazonSQS.").unwrap_or_default() {
        "CreateQueue" => server.create_queue(input(&body)?)?,
        "GetQueueUrl" => server.get_queue_url(&input(&body)?)?,
        "GetQueueAttributes" => server.get_queue_attributes(&input(&body)?)?,
        "SendMessage" => server.send_message(input(&body)?)?,
        "SendMessageBatch" => server.send_message_batch(input(&body)?)?,
        "ReceiveMessage" => server.receive_message(input(&body)?).await?,
        "DeleteMessage" => server.delete_message(&input(&body)?)?,
        "DeleteMessageBatch" => server.delete_message_batch(&input(&body)?)?,
        "ChangeMessageVisibility" => server.change_message_visibility(&input(&body)?)?,
        _ => {
            return Err(Error::new(
                "UnsupportedOperation",
                format!("The local SQS does not support the action {target:?}."),
            ));
        }
    };
    Ok(json(&output).into_response())
}

fn input<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::new("SerializationException", error.to_string()))
}

fn json(body: &serde_json::Value) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string())
}

impl Server {
    fn queues(&self) -> MutexGuard<'_, BTreeMap<String, Queue>> {
        self.queues.lock().expect("no code panics while it holds the lock")
    }

    fn url(&self, queue: &str) -> String {
        format!("{}/000000000000/{queue}", self.url)
    }
}
