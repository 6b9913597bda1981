//! A proxy that cancels a transaction if another one is writing the same item. DynamoDB does this too, but the embedded
//! DynamoDB does not.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How long a transaction holds its items. On AWS, a transaction takes 10 to 20 ms. The items are released before the
/// transaction is forwarded, because the time that the embedded DynamoDB takes depends on the machine.
const DURATION: Duration = Duration::from_millis(15);

#[derive(Debug, Clone, Default)]
pub(crate) struct ConflictProxy {
    backend: String,
    held: Arc<Mutex<HashSet<String>>>,
    canceled: Arc<AtomicUsize>,
    client: reqwest::Client,
}

impl ConflictProxy {
    /// Starts a proxy for the DynamoDB at `backend`. Returns the proxy and its URL.
    pub(crate) async fn start(backend: &str) -> (Self, String) {
        let proxy = Self { backend: backend.to_owned(), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (proxy, url)
    }

    /// Returns how many transactions were canceled.
    pub(crate) fn count(&self) -> usize {
        self.canceled.load(Ordering::SeqCst)
    }

    /// Marks the items of a transaction as held, unless another transaction holds one of them. Returns whether the
    /// items are now held for this transaction.
    fn take(&self, keys: &[String]) -> bool {
        let mut held = self.held.lock().unwrap();
        let is_free = keys.iter().all(|key| !held.contains(key));
        if is_free {
            held.extend(keys.iter().cloned());
        }
        is_free
    }

    fn release(&self, keys: &[String]) {
        let mut held = self.held.lock().unwrap();
        for key in keys {
            held.remove(key);
        }
    }

    async fn forward(&self, mut headers: HeaderMap, body: Bytes) -> (StatusCode, Bytes) {
        headers.remove("host");
        let response = self.client.post(&self.backend).headers(headers).body(body).send().await.unwrap();
        (response.status(), response.bytes().await.unwrap())
    }
}

/// Returns the keys of the items that a transaction writes.
fn keys(body: &Value) -> Vec<String> {
    let writes = body["TransactItems"].as_array().unwrap().iter();
    writes
        .map(|write| {
            let (_, write) = write.as_object().unwrap().iter().next().unwrap();
            let key = write.get("Key").unwrap_or(&write["Item"]);
            format!("{} {}", key["pk"]["S"], key["sk"]["S"])
        })
        .collect()
}

async fn pass(State(proxy): State<ConflictProxy>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if !target.ends_with("TransactWriteItems") {
        return proxy.forward(headers, body).await;
    }
    let keys = keys(&serde_json::from_slice(&body).unwrap());
    if !proxy.take(&keys) {
        proxy.canceled.fetch_add(1, Ordering::SeqCst);
        let reasons: Vec<_> = keys.iter().map(|_| json!({"Code": "TransactionConflict"})).collect();
        let canceled = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled",
            "CancellationReasons": reasons,
        });
        return (StatusCode::BAD_REQUEST, canceled.to_string().into());
    }
    tokio::time::sleep(DURATION).await;
    proxy.release(&keys);
    proxy.forward(headers, body).await
}
