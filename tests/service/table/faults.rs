//! Tests for transaction conflicts and lost responses. The embedded DynamoDB never causes these, so a proxy injects
//! them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use pack_upload::{
    aws::{Created, Error},
    records::OrgId,
};
use tokio::net::TcpListener;

use super::support::{Database, create, failed, queue_again, record, try_create, upload};

const CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message":"Transaction cancelled","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"}]}"#;
const INTERNAL: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"lost"}"#;

/// How the first calls of an operation fail.
#[derive(Clone, Copy)]
enum Fault {
    /// DynamoDB cancels the call because of a conflict. The call has no effect.
    Conflict,
    /// The call takes effect, but its response is lost.
    LostResponse,
}

/// A proxy for DynamoDB that injects a fault into the first calls of one operation.
#[derive(Clone)]
struct Proxy {
    backend: SocketAddr,
    operation: &'static str,
    fault: Fault,
    /// The number of calls that fail.
    times: usize,
    calls: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(backend: SocketAddr, operation: &'static str, fault: Fault, times: usize) -> (Self, SocketAddr) {
        let proxy = Self { backend, operation, fault, times, calls: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(pass).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (proxy, address)
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn pass(State(proxy): State<Proxy>, mut headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let fails = target.ends_with(proxy.operation) && proxy.calls.fetch_add(1, Ordering::SeqCst) < proxy.times;
    if fails && matches!(proxy.fault, Fault::Conflict) {
        return (StatusCode::BAD_REQUEST, Bytes::from_static(CONFLICT.as_bytes()));
    }
    headers.remove("host");
    let request = reqwest::Client::new().post(format!("http://{}/", proxy.backend)).headers(headers).body(body);
    let response = request.send().await.unwrap();
    if fails {
        return (StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(INTERNAL.as_bytes()));
    }
    (response.status(), response.bytes().await.unwrap())
}

#[tokio::test]
async fn a_transaction_conflict_is_retried() {
    let database = Database::start().await;
    let (proxy, address) = Proxy::start(database.address, "TransactWriteItems", Fault::Conflict, 3).await;
    let record = record(OrgId::generate(), "tools", "1.0.0", "a");
    let created = create(&database.table_at(address).await, &record).await;
    assert!(matches!(created, Created::Written));
    assert_eq!(proxy.calls(), 4);
    assert_eq!(database.table.record(record.id).await.unwrap(), Some(record));
}

#[tokio::test]
async fn a_persistent_transaction_conflict_returns_an_error_and_writes_nothing() {
    let database = Database::start().await;
    let (proxy, address) = Proxy::start(database.address, "TransactWriteItems", Fault::Conflict, usize::MAX).await;
    let record = record(OrgId::generate(), "tools", "1.0.0", "a");
    let error = try_create(&database.table_at(address).await, &record).await.unwrap_err();
    assert!(matches!(error, Error::Call { operation: "TransactWriteItems", .. }), "{error}");
    assert_eq!(proxy.calls(), 25);
    assert_eq!(database.items().await, 0);
}

#[tokio::test]
async fn a_create_whose_response_is_lost_is_applied_once() {
    let database = Database::start().await;
    let (proxy, address) = Proxy::start(database.address, "TransactWriteItems", Fault::LostResponse, 1).await;
    let record = record(OrgId::generate(), "tools", "1.0.0", "a");
    let created = create(&database.table_at(address).await, &record).await;
    assert!(matches!(created, Created::Written));
    assert_eq!(proxy.calls(), 2);
    assert_eq!(database.items().await, 2);
}

#[tokio::test]
async fn creating_the_same_record_twice_succeeds() {
    let database = Database::start().await;
    let record = record(OrgId::generate(), "tools", "1.0.0", "a");
    // The two calls have different idempotency tokens, as if the caller had repeated a call whose response was lost.
    for _ in 0..2 {
        assert!(matches!(create(&database.table, &record).await, Created::Written));
    }
}

#[tokio::test]
async fn a_retry_whose_response_is_lost_is_recognized_by_its_staging_key() {
    let database = Database::start().await;
    let old = failed(&database.table, record(OrgId::generate(), "tools", "1.0.0", "a")).await;
    let (proxy, address) = Proxy::start(database.address, "TransactWriteItems", Fault::LostResponse, 1).await;
    let retried = old.queued_again(&upload("again"));
    let created = queue_again(&database.table_at(address).await, &old, &retried).await;
    assert!(matches!(created, Created::Written));
    assert_eq!(proxy.calls(), 2);
    assert_eq!(database.table.record(old.id).await.unwrap(), Some(retried));
}
