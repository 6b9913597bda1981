//! A proxy between a function and a backend, which does what the script says.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use pack_upload::local::Endpoints;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{
    script::{Fault, Script, Service},
    words,
};
use crate::support::calls;

/// Longer than any function waits.
const STALL: Duration = Duration::from_secs(120);

#[derive(Debug)]
struct Proxy {
    service: Service,
    backend: String,
    script: Arc<Script>,
    client: reqwest::Client,
}

/// Stands before each AWS service: the variables that lead a function to the proxies.
pub(crate) async fn before_aws(endpoints: &Endpoints, script: &Arc<Script>) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for (service, name, backend) in [
        (Service::S3, "AWS_ENDPOINT_URL_S3", &endpoints.s3),
        (Service::DynamoDb, "AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        (Service::Sqs, "AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
    ] {
        let proxy = start(service, backend.clone(), script.clone()).await;
        variables.push((name.to_owned(), format!("http://{proxy}")));
    }
    variables
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
    let call = proxy.script.call(proxy.service, operation(proxy.service, &parts.method, &path, &parts.headers));
    for seen in calls_of(proxy.service, &call.operation, &path, &body) {
        calls::seen(call.caller.name(), &seen);
    }
    match proxy.script.fault(&call) {
        None => proxy.script.pass(call, proxy.forward(parts.method, &path, parts.headers, body)).await,
        Some(Fault::Fails) => hang_up(),
        Some(Fault::AnswerLost) => {
            proxy.forward(parts.method, &path, parts.headers, body).await;
            hang_up()
        }
        Some(Fault::CutOff) => cut_off(proxy.forward(parts.method, &path, parts.headers, body).await).await,
        Some(Fault::Stalls) => {
            tokio::time::sleep(STALL).await;
            hang_up()
        }
        Some(Fault::KilledBefore) => proxy.kill().await,
        Some(Fault::KilledAfter) => {
            proxy.forward(parts.method, &path, parts.headers, body).await;
            proxy.kill().await
        }
        Some(fault @ (Fault::Throttles | Fault::InternalError | Fault::TransactionConflict)) => {
            words::answer(proxy.service, fault, &body)
        }
    }
}

/// Breaks the connection without an answer: hyper drops a connection whose task unwinds.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("hang up"))
}

/// The answer as it begins.
async fn cut_off(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let half = Ok(body.slice(..body.len() / 2));
    let broken = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    Response::from_parts(parts, Body::from_stream(stream::iter([half, broken])))
}

impl Proxy {
    async fn kill(&self) -> Response {
        self.script.kill.notify_one();
        std::future::pending().await
    }

    /// Every header goes on as it came, since the SDK has signed them, but for what is between two neighbours.
    async fn forward(&self, method: Method, path: &str, mut headers: HeaderMap, body: Bytes) -> Response {
        for hop_by_hop in [header::TRANSFER_ENCODING, header::CONNECTION] {
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
        Service::S3 => format!("{method} object"),
        Service::Registry => {
            let kinds = ["manifests", "uploads", "blobs"];
            let kind = kinds.into_iter().find(|kind| path.contains(&format!("/{kind}/"))).unwrap_or("base");
            format!("{method} {kind}")
        }
    }
}

/// What a call is named in tests/stack/permissions.json: where permissions differ by the index that is queried, or by what
/// a transaction does, each is a call of its own.
fn calls_of(service: Service, operation: &str, path: &str, body: &[u8]) -> Vec<String> {
    match (service, operation) {
        (Service::DynamoDb, "Query") => {
            let query: Value = serde_json::from_slice(body).unwrap();
            vec![format!("DynamoDB.Query {}", query["IndexName"].as_str().unwrap_or("table"))]
        }
        (Service::DynamoDb, "TransactWriteItems") => {
            let transaction: Value = serde_json::from_slice(body).unwrap();
            let writes = transaction["TransactItems"].as_array().unwrap().iter().map(|item| item.as_object().unwrap());
            writes.flat_map(|write| write.keys().map(|kind| format!("DynamoDB.TransactWriteItems {kind}"))).collect()
        }
        (Service::DynamoDb, _) => vec![format!("DynamoDB.{operation}")],
        (Service::Sqs, _) => vec![format!("SQS.{operation}")],
        // The SDK names most operations in the query; method and what else is there name the others.
        (Service::S3, _) => {
            let query = path.split_once('?').map_or("", |(_, query)| query);
            let name = query.split('&').find_map(|field| field.strip_prefix("x-id="));
            vec![format!("S3.{}", name.unwrap_or(operation))]
        }
        (Service::Registry, _) => vec![format!("Registry.{operation}")],
    }
}
