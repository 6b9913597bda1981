use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, sync::Notify};

/// A backend that a proxy stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    S3,
    DynamoDb,
    Sqs,
    Registry,
}

/// One kind of call, such as `TransactWriteItems` of DynamoDB or `PUT manifest` of the registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.service, self.operation)
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never reaches the backend: the connection breaks.
    Fails,
    /// The backend acts, and the connection breaks before the answer.
    AnswerLost,
    /// The service answers that it is throttling.
    Throttles,
    /// The service answers with its own internal error.
    InternalError,
    /// A transaction is cancelled since another one is under way on the same item.
    TransactionConflict,
    /// Nothing comes back.
    Stalls,
    /// The process is killed before the call reaches the backend.
    KilledBefore,
    /// The backend acts, and the process is killed before the answer.
    KilledAfter,
}

/// A fault that waits for its call.
#[derive(Debug, Clone)]
pub(crate) struct Trap {
    pub(crate) call: Call,
    /// How many such calls it lets pass first.
    pub(crate) skip: u32,
    pub(crate) fault: Fault,
    /// How many such calls it hits at most, one after another.
    pub(crate) times: u32,
}

/// What all proxies of one system share.
#[derive(Debug, Default)]
pub(crate) struct Script {
    traps: Mutex<Vec<Armed>>,
    seen: Mutex<Vec<Call>>,
    /// Told when the process shall be killed.
    pub(crate) kill: Notify,
}

#[derive(Debug)]
struct Armed {
    trap: Trap,
    passed: u32,
    hits: u32,
}

impl Script {
    /// Sets traps in place of those that were.
    pub(crate) fn set(&self, traps: Vec<Trap>) {
        *self.traps.lock().unwrap() = traps.into_iter().map(|trap| Armed { trap, passed: 0, hits: 0 }).collect();
    }

    /// Takes the traps away: how many of them were hit.
    pub(crate) fn clear(&self) -> usize {
        std::mem::take(&mut *self.traps.lock().unwrap()).iter().filter(|armed| armed.hits > 0).count()
    }

    /// All calls since the last time, in the order they came.
    pub(crate) fn take_seen(&self) -> Vec<Call> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    fn fault(&self, call: &Call) -> Option<Fault> {
        self.seen.lock().unwrap().push(call.clone());
        let mut fault = None;
        for armed in self.traps.lock().unwrap().iter_mut().filter(|armed| armed.trap.call == *call) {
            armed.passed += 1;
            if fault.is_none() && armed.passed > armed.trap.skip && armed.hits < armed.trap.times {
                armed.hits += 1;
                fault = Some(armed.trap.fault);
            }
        }
        fault
    }
}

#[derive(Debug)]
struct Proxy {
    service: Service,
    backend: String,
    script: Arc<Script>,
    client: reqwest::Client,
}

/// Stands before the backend at this URL: the proxy's own `host:port`.
pub(crate) async fn start(service: Service, backend: String, script: Arc<Script>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let proxy = Arc::new(Proxy { service, backend, script, client });
    let router = Router::new().fallback(pass).with_state(proxy);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_else(|_| hang_up());
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let call =
        Call { service: proxy.service, operation: operation(proxy.service, &parts.method, &path, &parts.headers) };
    match proxy.script.fault(&call) {
        None => proxy.forward(parts.method, &path, parts.headers, body).await,
        Some(Fault::Fails) => hang_up(),
        Some(Fault::AnswerLost) => {
            proxy.forward(parts.method, &path, parts.headers, body).await;
            hang_up()
        }
        Some(Fault::Stalls) => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            hang_up()
        }
        Some(Fault::KilledBefore) => proxy.kill().await,
        Some(Fault::KilledAfter) => {
            proxy.forward(parts.method, &path, parts.headers, body).await;
            proxy.kill().await
        }
        Some(fault @ (Fault::Throttles | Fault::InternalError | Fault::TransactionConflict)) => {
            answer(proxy.service, fault, &body)
        }
    }
}

/// Breaks the connection without an answer: hyper drops a connection whose task unwinds.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("hang up"))
}

impl Proxy {
    async fn kill(&self) -> Response {
        self.script.kill.notify_one();
        std::future::pending().await
    }

    async fn forward(&self, method: Method, path: &str, mut headers: HeaderMap, body: Bytes) -> Response {
        for hop_by_hop in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
            headers.remove(hop_by_hop);
        }
        let url = format!("{}{path}", self.backend);
        let Ok(answer) = self.client.request(method, url).headers(headers).body(body).send().await else { hang_up() };
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(header::TRANSFER_ENCODING);
        let Ok(body) = answer.bytes().await else { hang_up() };
        (status, headers, Body::from(body)).into_response()
    }
}

/// What a call is named in the matrix.
fn operation(service: Service, method: &Method, path: &str, headers: &HeaderMap) -> String {
    match service {
        Service::DynamoDb | Service::Sqs => {
            let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or("?");
            target.rsplit('.').next().unwrap_or(target).to_owned()
        }
        Service::S3 => match *method {
            Method::PUT => "PutObject",
            Method::GET => "GetObject",
            Method::HEAD => "Head",
            _ => "other",
        }
        .to_owned(),
        Service::Registry => {
            let kinds = ["manifests", "uploads", "blobs"];
            let kind = kinds.into_iter().find(|kind| path.contains(&format!("/{kind}/"))).unwrap_or("base");
            format!("{method} {kind}")
        }
    }
}

/// The service's own words for a fault that it reports.
fn answer(service: Service, fault: Fault, request: &[u8]) -> Response {
    let json = |status: StatusCode, body: serde_json::Value| {
        (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
    };
    match (service, fault) {
        (Service::DynamoDb, Fault::Throttles) => json(
            StatusCode::BAD_REQUEST,
            serde_json::json!({
                "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "message": "The level of configured provisioned throughput for the table was exceeded."
            }),
        ),
        (Service::DynamoDb, Fault::TransactionConflict) => {
            let request: serde_json::Value = serde_json::from_slice(request).unwrap();
            let reasons: Vec<_> = request["TransactItems"]
                .as_array()
                .unwrap()
                .iter()
                .enumerate()
                .map(|(index, _)| match index {
                    0 => serde_json::json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}),
                    _ => serde_json::json!({"Code": "None"}),
                })
                .collect();
            json(
                StatusCode::BAD_REQUEST,
                serde_json::json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                    "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict, None]",
                    "CancellationReasons": reasons,
                }),
            )
        }
        (Service::DynamoDb, _) => json(
            StatusCode::INTERNAL_SERVER_ERROR,
            serde_json::json!({
                "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError",
                "message": "Internal server error"
            }),
        ),
        (Service::Sqs, Fault::Throttles) => json(
            StatusCode::BAD_REQUEST,
            serde_json::json!({"__type": "com.amazonaws.sqs#RequestThrottled", "message": "The request was denied due to request throttling."}),
        ),
        (Service::Sqs, _) => json(
            StatusCode::INTERNAL_SERVER_ERROR,
            serde_json::json!({"__type": "com.amazonaws.sqs#InternalError", "message": "Internal error"}),
        ),
        (Service::S3, fault) => {
            let (status, code) = match fault {
                Fault::Throttles => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
                _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            };
            let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>");
            (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
        }
        (Service::Registry, fault) => {
            let (status, code) = match fault {
                Fault::Throttles => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
                _ => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
            };
            let body = serde_json::json!({"errors": [{"code": code, "message": "later"}]});
            (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
        }
    }
}
