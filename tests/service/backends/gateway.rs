//! Tests for `local`'s gateway, which turns HTTP requests into API Gateway events.

use std::{convert::Infallible, future::pending, net::SocketAddr, sync::Arc, time::Duration};

use lambda_http::{
    Adapter, Body, Request, RequestExt, Response, request::RequestContext, tower, tower::ServiceExt as _,
};
use pack_upload::{lambda::http, local::gateway};
use serde_json::{Value, json};

use crate::http::unreachable;

/// The Lambda function's timeout in these tests.
const LIMIT: Duration = Duration::from_secs(5);

/// Starts a gateway to a Lambda function that responds with the main fields of the event that it received, as JSON. The
/// paths `/panic`, `/hang`, `/text` and `/bytes` get other responses.
async fn start() -> String {
    let function = tower::service_fn(|request: Request| async move {
        let length = || request.query_string_parameters_ref().unwrap().first("length").unwrap().parse().unwrap();
        match request.raw_http_path() {
            "/panic" => panic!("the request asks for a panic"),
            "/hang" => pending().await,
            "/text" => return Ok(Response::new(Body::Text("\"".repeat(length())))),
            "/bytes" => {
                // Without a content type, `lambda_http` would send the bytes as text.
                let response = Response::builder().header("content-type", "application/octet-stream");
                return Ok(response.body(Body::Binary(vec![0; length()])).unwrap());
            }
            _ => {}
        }
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
            panic!("expected a context")
        };
        let seen = json!({
            "method": request.method().as_str(),
            "path": request.raw_http_path(),
            "query": request.query_string_parameters_ref().and_then(|query| query.first("q")),
            "domain": context.domain_name,
            "request_id": context.request_id,
            "lambda_request_id": request.lambda_context_ref().map(|context| context.request_id.as_str()),
            "source_ip": context.http.source_ip,
            "accept": request.headers().get("accept").and_then(|value| value.to_str().ok()),
            "cookie": request.headers().get("cookie").and_then(|value| value.to_str().ok()),
            "body": match request.body() { Body::Binary(bytes) if bytes.len() > 1_000 => format!("{} bytes", bytes.len()),
                Body::Binary(bytes) => hex::encode(bytes), other => format!("{other:?}") },
        });
        let response = Response::builder().status(201).header("location", "/here");
        Ok::<_, Infallible>(response.body(Body::Text(seen.to_string())).unwrap())
    });
    serve(gateway::router(move |event| Adapter::from(function).oneshot(event), LIMIT)).await
}

/// Serves a gateway and returns its URL.
async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_request_becomes_an_http_api_event() {
    let url = start().await;
    let request = reqwest::Client::new()
        .put(format!("{url}/v1/some%20path?q=a%26b&other="))
        .header("host", "acme.example:9000")
        .header("accept", "text/html")
        .header("accept", "text/plain")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(vec![0x1f, 0x8b, 0xff, 0x00]);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["location"], "/here");
    let mut seen: Value = response.json().await.unwrap();
    let request_id = seen["request_id"].take();
    assert_eq!(request_id.as_str().map(str::len), Some(26));
    assert_eq!(seen["lambda_request_id"].take(), request_id);
    let expected = json!({
        "method": "PUT",
        "path": "/v1/some%20path",
        "query": "a&b",
        "domain": "acme.example",
        "request_id": null,
        "lambda_request_id": null,
        "source_ip": "127.0.0.1",
        "accept": "text/html,text/plain",
        "cookie": "a=1; b=2",
        "body": "1f8bff00",
    });
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_body_over_ten_megabytes_does_not_reach_the_function() {
    let url = start().await;
    let send = |length| reqwest::Client::new().post(&url).body(vec![0; length]).send();
    let rejected = send(10_000_000).await.unwrap();
    assert_eq!(rejected.text().await.unwrap(), r#"{"message":"Request Entity Too Large"}"#);
    let rejected = send(10_000_001).await.unwrap();
    assert_eq!(rejected.status(), 413);
    assert_eq!(rejected.text().await.unwrap(), r#"{"message":"Request Too Long"}"#);
    let rejected = send(50_000_000).await.unwrap();
    assert_eq!(rejected.status(), 413);
}

#[tokio::test]
async fn a_panic_in_the_function_returns_500_and_does_not_stop_the_gateway() {
    let url = start().await;
    let client = reqwest::Client::new();
    for _ in 0..2 {
        let response = client.get(format!("{url}/panic")).send().await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.text().await.unwrap(), r#"{"message":"Internal Server Error"}"#);
    }
    assert_eq!(client.get(&url).send().await.unwrap().status(), 201);
}

/// 4,717,000 bytes are 6,289,336 bytes in base64. Lambda's limit for an event is 6,291,456 bytes.
#[tokio::test]
async fn a_body_over_6_mb_in_base64_does_not_reach_the_function() {
    let url = start().await;
    let send = |length| reqwest::Client::new().post(&url).body(vec![0; length]).send();
    assert_eq!(send(4_717_000).await.unwrap().status(), 201);
    let rejected = send(4_719_000).await.unwrap();
    assert_eq!(rejected.status(), 413);
    assert_eq!(rejected.text().await.unwrap(), r#"{"message":"Request Entity Too Large"}"#);
}

/// A quotation mark takes two bytes in JSON. Lambda's limit for a response is 6,291,556 bytes.
#[tokio::test]
async fn a_response_over_6_mb_in_json_does_not_reach_the_client() {
    let url = start().await;
    for (path, length, status) in
        [("text", 3_145_000, 200), ("text", 3_146_000, 500), ("bytes", 4_717_000, 200), ("bytes", 4_719_000, 500)]
    {
        let response = reqwest::get(format!("{url}/{path}?length={length}")).await.unwrap();
        assert_eq!(response.status(), status, "{path} {length}");
        let body = response.bytes().await.unwrap();
        match status {
            200 => assert_eq!(body.len(), length),
            _ => assert_eq!(body, r#"{"message":"Internal Server Error"}"#),
        }
    }
}

#[tokio::test]
async fn a_request_that_exceeds_the_functions_timeout_returns_500() {
    let response = reqwest::get(format!("{}/hang", start().await)).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(response.text().await.unwrap(), r#"{"message":"Internal Server Error"}"#);
}

#[tokio::test]
async fn the_api_responds_to_a_malformed_host_or_protocol() {
    let api = unreachable();
    let url = serve(gateway::router(move |event| http::function(Arc::clone(&api)).oneshot(event), LIMIT)).await;
    for (header, value) in [
        ("host", "a b"),
        ("host", "["),
        ("host", "localhost:notaport"),
        ("host", "%"),
        ("x-forwarded-proto", "a b,https"),
        ("x-forwarded-proto", "<>"),
    ] {
        let response =
            reqwest::Client::new().get(format!("{url}/v1/packs")).header(header, value).send().await.unwrap();
        assert_eq!(response.status(), 401, "{header}: {value}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "unauthenticated", "{header}: {value}");
    }
}
