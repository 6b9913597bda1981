use serde_json::json;

use super::{event, request, send};

#[tokio::test]
async fn an_error_response_contains_only_the_envelope() {
    let response = send(&request("GET", "/nowhere")).await;
    assert_eq!(
        response.body,
        json!({"error": {
            "code": "not_found",
            "message": "no such route: `GET /nowhere`",
            "request_id": "VqS6jh2mFiAEPUA=",
        }})
    );
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
}

/// The request id is the one in API Gateway's access log. Clients cannot change it with a header.
#[tokio::test]
async fn the_request_id_comes_from_api_gateway() {
    for (name, id) in [
        ("upload-http-api", "VqS0gh8rliAEJ7w="),
        ("upload-rest", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"),
        ("upload-function-url", "5f0c3c8e-6d0f-4c3a-9a55-0f6f2c1f7b1d"),
    ] {
        let mut event = event(name);
        let headers = event["headers"].as_object_mut().unwrap();
        headers.retain(|header, _| !header.eq_ignore_ascii_case("authorization"));
        headers.insert("x-request-id".to_owned(), json!("mine"));
        headers.insert("x-amzn-requestid".to_owned(), json!("mine"));
        event.as_object_mut().unwrap().remove("multiValueHeaders");
        let response = send(&event).await;
        assert_eq!(response.code(), (401, "unauthenticated"), "{name}");
        assert_eq!(response.body["error"]["request_id"], id, "{name}");
    }
}
