//! A fault-injecting proxy between a Lambda function and a backend.

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
    error_responses::error_response,
    fault::{Fault, Service},
    injector::FaultInjector,
};
use crate::support::record_call;

/// How long a hanging call lasts: longer than any timeout that the Lambda functions set for a call.
const HANG: Duration = Duration::from_secs(120);

#[derive(Debug)]
struct Proxy {
    service: Service,
    backend: String,
    injector: Arc<FaultInjector>,
    client: reqwest::Client,
}

/// Starts a proxy for each AWS service. Returns the environment variables that make a Lambda function use the proxies.
pub(crate) async fn start_for_aws(endpoints: &Endpoints, injector: &Arc<FaultInjector>) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for (service, name, backend) in [
        (Service::S3, "AWS_ENDPOINT_URL_S3", &endpoints.s3),
        (Service::DynamoDb, "AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        (Service::Sqs, "AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
    ] {
        let proxy = start(service, backend.clone(), injector.clone()).await;
        variables.push((name.to_owned(), format!("http://{proxy}")));
    }
    variables
}

/// Starts a proxy for the backend at the URL `backend` and returns the proxy's `host:port`.
pub(crate) async fn start(service: Service, backend: String, injector: Arc<FaultInjector>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let proxy = Arc::new(Proxy { service, backend, injector, client });
    let router = Router::new().fallback(pass).with_state(proxy);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_else(|_| hang_up());
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let call = proxy.injector.call(proxy.service, operation(proxy.service, &parts.method, &path, &parts.headers));
    for name in permission_names(proxy.service, &call.operation, &path, &body) {
        record_call(call.caller.name(), &name);
    }
    match proxy.injector.next_fault(&call) {
        None => proxy.injector.forward(call, proxy.forward(parts.method, &path, parts.headers, body)).await,
        Some(Fault::RequestLost) => hang_up(),
        Some(Fault::ResponseLost) => {
            proxy.forward(parts.method, &path, parts.headers, body).await;
            hang_up()
        }
        Some(Fault::ResponseTruncated) => {
            truncated(proxy.forward(parts.method, &path, parts.headers, body).await).await
        }
        Some(Fault::Hangs) => {
            tokio::time::sleep(HANG).await;
            hang_up()
        }
        Some(Fault::KilledBefore) => proxy.kill().await,
        Some(Fault::KilledAfter) => {
            proxy.forward(parts.method, &path, parts.headers, body).await;
            proxy.kill().await
        }
        Some(fault @ (Fault::Throttled | Fault::InternalError | Fault::TransactionConflict)) => {
            error_response(proxy.service, fault, &body)
        }
    }
}

/// Closes the connection without a response: hyper drops a connection if its task panics.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("hang up"))
}

/// Returns a response whose connection closes after half of the body.
async fn truncated(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let half = Ok(body.slice(..body.len() / 2));
    let broken = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    Response::from_parts(parts, Body::from_stream(stream::iter([half, broken])))
}

impl Proxy {
    async fn kill(&self) -> Response {
        self.injector.kill.notify_one();
        std::future::pending().await
    }

    /// Forwards a request without its hop-by-hop headers. Keeps the other headers, because the SDK has signed them.
    async fn forward(&self, method: Method, path: &str, mut headers: HeaderMap, body: Bytes) -> Response {
        for hop_by_hop in [header::TRANSFER_ENCODING, header::CONNECTION] {
            headers.remove(hop_by_hop);
        }
        let url = format!("{}{path}", self.backend);
        let Ok(response) = self.client.request(method, url).headers(headers).body(body).send().await else { hang_up() };
        let (status, mut headers) = (response.status(), response.headers().clone());
        headers.remove(header::TRANSFER_ENCODING);
        let Ok(body) = response.bytes().await else { hang_up() };
        (status, headers, Body::from(body)).into_response()
    }
}

/// Returns the name of a request's operation. For DynamoDB and SQS, this is the name in their APIs, such as
/// `SendMessage`. For S3 and the registry, it is the method and the kind of resource, such as `PUT manifests`.
fn operation(service: Service, method: &Method, path: &str, headers: &HeaderMap) -> String {
    match service {
        Service::DynamoDb | Service::Sqs => {
            let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or("?");
            target.rsplit('.').next().unwrap_or(target).to_owned()
        }
        Service::S3 => format!("{method} object"),
        Service::Registry => {
            let kinds = ["manifests", "referrers", "uploads", "blobs"];
            let kind = kinds.into_iter().find(|kind| path.contains(&format!("/{kind}/"))).unwrap_or("base");
            format!("{method} {kind}")
        }
    }
}

/// Returns a call's names in tests/stack/permissions.json. A call that accesses several items has a name for each.
fn permission_names(service: Service, operation: &str, path: &str, body: &[u8]) -> Vec<String> {
    match (service, operation) {
        (Service::DynamoDb, _) => dynamodb_names(operation, &serde_json::from_slice(body).unwrap()),
        (Service::Sqs, _) => vec![format!("SQS.{operation}")],
        // The SDK puts most operation names into the query, as `x-id`. The query of a list contains `list-type=2`
        // instead.
        (Service::S3, _) => {
            let query = path.split_once('?').map_or("", |(_, query)| query);
            let name = query.split('&').find_map(|field| match field {
                "list-type=2" => Some("ListObjectsV2"),
                _ => field.strip_prefix("x-id="),
            });
            vec![format!("S3.{}", name.unwrap_or(operation))]
        }
        (Service::Registry, _) => vec![format!("Registry.{operation}")],
    }
}

/// Returns the names of a DynamoDB call. Each name contains the operation and the kind of the partition. The name of a
/// query also contains the index, and the name of a write in a transaction also contains the kind of write. Each
/// combination needs its own permission.
fn dynamodb_names(operation: &str, body: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let accesses: Vec<(String, Value)> = match operation {
        "Query" => {
            let (index, condition) = (&body["IndexName"], body["KeyConditionExpression"].as_str().unwrap());
            let value = condition.split_whitespace().nth(2).unwrap();
            let index = index.as_str().unwrap_or("table");
            vec![(format!("Query {index}"), body["ExpressionAttributeValues"][value]["S"].clone())]
        }
        "BatchGetItem" => {
            let keys = body["RequestItems"].as_object().unwrap().values().flat_map(|table| list(&table["Keys"]));
            keys.map(|key| (operation.to_owned(), key["pk"]["S"].clone())).collect()
        }
        "TransactWriteItems" => {
            let items = list(&body["TransactItems"]);
            let writes = items.iter().flat_map(|item| item.as_object().unwrap());
            writes.map(|(kind, write)| (format!("{operation} {kind}"), partition_key(write))).collect()
        }
        _ => vec![(operation.to_owned(), partition_key(body))],
    };
    let name = |(access, key): (String, Value)| format!("DynamoDB.{access} {}", partition(key.as_str().unwrap()));
    accesses.into_iter().map(name).collect()
}

/// Returns the partition key of the item that an operation reads or writes.
fn partition_key(operation: &Value) -> Value {
    let item = operation.get("Key").or_else(|| operation.get("Item")).unwrap();
    item["pk"]["S"].clone()
}

/// Returns the kind of a partition key. This is the prefix up to the first `#`, such as `VERSION#`. A key of the `due`
/// index is a shard number, and its kind is `number`. Any other key is its own kind.
fn partition(key: &str) -> &str {
    match key.split_once('#') {
        Some((kind, _)) => &key[..=kind.len()],
        None if key.parse::<u8>().is_ok() => "number",
        None => key,
    }
}
