//! Replaces API Gateway: converts HTTP requests to HTTP API events, and invokes the Lambda function with them.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::Future,
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{ConnectInfo, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt as _;
use lambda_http::{Context, LambdaEvent, request::LambdaRequest};
use reqwest::Url;
use serde::{Deserialize, Serialize, de::Error as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use ulid::Ulid;

/// The largest request body that API Gateway accepts, in bytes.
const MAX_BODY_BYTES: usize = 10_000_000;
/// An oversized body is read and discarded up to this size, in bytes. If it were not read, the connection could close
/// while the client is still sending, and the client could miss the response.
const MAX_DISCARDED_BYTES: usize = 100_000_000;
/// The largest event of a synchronous invocation, in bytes (Lambda quotas). The event contains the body in base64.
const MAX_EVENT_BYTES: usize = 6_291_456;
/// The largest response of a synchronous invocation, in bytes, according to Lambda's error message.
const MAX_RESPONSE_BYTES: usize = 6_291_556;
/// The timeout of the Lambda function `api` in template.yaml.
pub const TIMEOUT: Duration = Duration::from_secs(29);

/// Serves a Lambda function over HTTP like an API Gateway HTTP API: each request becomes an event in payload format
/// 2.0. Enforces these limits of API Gateway and Lambda: 10 MB for a request body, 6 MB for an event or a response, and
/// `limit` for the duration of an invocation.
pub fn router<F, Fut, R>(function: F, limit: Duration) -> Router
where
    F: Fn(LambdaEvent<LambdaRequest>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<R, Infallible>> + Send + 'static,
    R: Serialize + 'static,
{
    Router::new().fallback(move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| {
        // Invoke the Lambda function in a separate task: as in Lambda, the invocation continues if the client
        // disconnects, and a panic does not close the connection.
        let invocation = tokio::spawn(invoke(function.clone(), limit, peer.ip(), request));
        async move { invocation.await.unwrap_or_else(|_| internal_error()) }
    })
}

async fn invoke<F, Fut, R>(function: F, limit: Duration, peer: IpAddr, request: Request) -> Response
where
    F: Fn(LambdaEvent<LambdaRequest>) -> Fut,
    Fut: Future<Output = Result<R, Infallible>>,
    R: Serialize,
{
    let (parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let request_id = Ulid::generate().to_string();
    let event = match event(&parts, &body, peer, &request_id) {
        Ok(Some(event)) => event,
        Ok(None) => return gateway_error(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
        Err(error) => {
            tracing::error!(%error, "lambda_http cannot read the event");
            return gateway_error(StatusCode::BAD_REQUEST, "Bad Request");
        }
    };
    let Ok(response) = timeout(limit, function(LambdaEvent::new(event, context(request_id, limit)))).await else {
        tracing::error!("the function timed out");
        return internal_error();
    };
    let Ok(response) = response;
    respond(&response).unwrap_or_else(|error| {
        tracing::error!(error, "API Gateway cannot read the function's response");
        internal_error()
    })
}

/// The fields of a Lambda function's response (payload format 2.0) that the service uses. API Gateway also reads
/// `cookies`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Converts the Lambda function's response to an HTTP response, through JSON as in Lambda.
fn respond(response: &impl Serialize) -> Result<Response, String> {
    let json = serde_json::to_string(response).map_err(|error| error.to_string())?;
    if json.len() > MAX_RESPONSE_BYTES {
        return Err(format!("it has {} bytes; the limit is {MAX_RESPONSE_BYTES}", json.len()));
    }
    let response: FunctionResponse = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    let text = response.body.unwrap_or_default();
    let body = if response.is_base64_encoded {
        Body::from(STANDARD.decode(text).map_err(|error| error.to_string())?)
    } else {
        Body::from(text)
    };
    let builder = Response::builder().status(response.status_code);
    let builder = response.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
    builder.body(body).map_err(|error| error.to_string())
}

/// Reads the body. If it is too large or cannot be read, returns the response that API Gateway sends instead of
/// invoking the Lambda function.
async fn read(body: Body) -> Result<Vec<u8>, Response> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(expected.min(MAX_BODY_BYTES));
    let mut chunks = body.into_data_stream();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| gateway_error(StatusCode::BAD_REQUEST, "Bad Request"))?;
        length += chunk.len();
        if length <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&chunk);
        } else if length > MAX_DISCARDED_BYTES {
            break;
        }
    }
    if length > MAX_BODY_BYTES {
        return Err(gateway_error(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long"));
    }
    Ok(bytes)
}

/// Converts a request to an HTTP API event in payload format 2.0, with the body in base64. Returns `None` if the event
/// is too large for Lambda.
fn event(parts: &Parts, body: &[u8], peer: IpAddr, request_id: &str) -> serde_json::Result<Option<LambdaRequest>> {
    let event = event_without_body(parts, !body.is_empty(), peer, request_id).to_string();
    // base64-simd encodes large bodies several times as fast as the crate base64.
    let body = (!body.is_empty()).then(|| base64_simd::STANDARD.encode_to_string(body));
    // In JSON, the body replaces `null` with a string in quotation marks.
    let length = event.len() + body.as_ref().map_or(0, |body| body.len() + "\"\"".len() - "null".len());
    if length > MAX_EVENT_BYTES {
        return Ok(None);
    }
    // The body is not passed through JSON, because that would take longer than validating a large archive.
    let mut event = serde_json::from_str(&event)?;
    let LambdaRequest::ApiGatewayV2(request) = &mut event else {
        return Err(serde_json::Error::custom("it is not an HTTP API event"));
    };
    request.body = body;
    Ok(Some(event))
}

/// Converts a request to an HTTP API event in payload format 2.0: header names in lower case, values of repeated
/// headers joined by commas, cookies separate. `has_body` says whether the caller then adds a body in base64.
fn event_without_body(parts: &Parts, has_body: bool, peer: IpAddr, request_id: &str) -> Value {
    let path = parts.uri.path();
    let now = time::OffsetDateTime::now_utc();
    let mut headers = BTreeMap::<_, String>::new();
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != header::COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        let joined = headers.entry(name.as_str()).or_default();
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(&value);
    }
    let cookies: Vec<_> =
        parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "cookies": (!cookies.is_empty()).then_some(cookies),
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": domain_name(&parts.headers),
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": peer,
                "userAgent": headers.get("user-agent"),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": now.unix_timestamp_nanos() / 1_000_000,
        },
        "body": null,
        "isBase64Encoded": has_body,
    })
}

/// Returns the host in the request's `Host` header without its port, or `localhost` if the header is missing or
/// malformed. In AWS the domain name can be trusted, because API Gateway serves only its own domains; here it is the
/// host that the client sent.
fn domain_name(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let url = host.and_then(|host| Url::parse(&format!("https://{host}")).ok());
    url.as_ref().and_then(Url::host_str).unwrap_or("localhost").to_owned()
}

fn context(request_id: String, limit: Duration) -> Context {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + limit;
    let mut context = Context::default();
    context.request_id = request_id;
    context.xray_trace_id = Some(trace_header());
    context.deadline = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
    context
}

/// Returns a new X-Ray trace header, like the one that Lambda passes to every invocation: the start time, and a unique
/// 96-bit id.
fn trace_header() -> String {
    let trace = Ulid::generate();
    format!("Root=1-{:08x}-{:024x};Sampled=0", trace.timestamp_ms() / 1_000, trace.0 & ((1 << 96) - 1))
}

fn internal_error() -> Response {
    gateway_error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// Returns an error response in the shape that API Gateway uses for its own errors.
fn gateway_error(status: StatusCode, message: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], json!({ "message": message }).to_string()).into_response()
}
