use serde_json::json;

use super::{document::DOCUMENT, request, send};

#[tokio::test]
async fn unknown_paths_are_not_found() {
    for path in [
        "/",
        "/v1",
        "/v1/packs/",
        "/v1/packs/upload/",
        "/v1/packs/pack_01JACME1000000000000000000/",
        "/v1/packs/a/b",
        "/V1/packs",
        "//v1/packs",
        "/v2/packs",
    ] {
        assert_eq!(send(&request("GET", path)).await.code(), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn a_404_names_the_method_and_the_path() {
    let long = format!("/v1/{}", "a".repeat(200));
    for (method, path, shown) in [
        ("GET", "/v2/packs", "`GET /v2/packs`".to_owned()),
        ("DELETE", "/v1/pack`s\u{202e}", "`DELETE /v1/pack\\`s\\u{202e}`".to_owned()),
        ("POST", &long, format!("`POST /v1/{}…`", "a".repeat(91))),
    ] {
        let response = send(&request(method, path)).await;
        assert_eq!(response.code(), (404, "not_found"), "{path}");
        assert_eq!(response.body["error"]["message"], format!("no such route: {shown}"));
    }
}

#[tokio::test]
async fn a_405_lists_the_allowed_methods() {
    for (method, path, allow) in [
        ("GET", "/v1/packs/upload", "POST"),
        ("HEAD", "/v1/packs/upload", "POST"),
        ("PUT", "/v1/packs/upload", "POST"),
        ("OPTIONS", "/v1/packs/upload", "POST"),
        ("GET", "/v1/packs/uploads", "POST"),
        ("POST", "/v1/packs", "GET"),
        ("HEAD", "/v1/packs", "GET"),
        ("DELETE", "/v1/packs/pack_01JACME1000000000000000000", "GET, PATCH"),
        ("PUT", "/v1/packs/not-an-id", "GET, PATCH"),
    ] {
        let response = send(&request(method, path)).await;
        assert_eq!(response.code(), (405, "method_not_allowed"), "{method} {path}");
        assert_eq!(response.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn the_allow_header_lists_the_methods_in_openapi_yaml() {
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        let response = send(&request("TRACE", path)).await;
        assert_eq!(response.status, 405, "{path}");
        let mut allowed: Vec<_> = response.header("allow").unwrap().split(", ").map(str::to_ascii_lowercase).collect();
        allowed.sort();
        assert!(allowed.iter().eq(operations.as_object().unwrap().keys()), "{path}: {allowed:?}");
    }
}

#[tokio::test]
async fn known_routes_require_a_credential() {
    for (method, path) in [
        ("POST", "/v1/packs/upload"),
        ("GET", "/v1/packs"),
        ("GET", "/v1/packs/x"),
        ("PATCH", "/v1/packs/x"),
        ("POST", "/v1/packs/uploads"),
    ] {
        assert_eq!(send(&request(method, path)).await.code(), (401, "unauthenticated"), "{method} {path}");
    }
}

/// An HTTP API includes a named stage in `rawPath`.
#[tokio::test]
async fn the_stage_of_an_http_api_is_not_part_of_the_path() {
    for (stage, path, status) in [
        ("prod", "/prod/v1/packs", 401),
        ("v1", "/v1/v1/packs", 401),
        ("prod", "/v1/packs", 401),
        ("v", "/v1/packs", 401),
        ("prod", "/production/v1/packs", 404),
        ("$default", "/prod/v1/packs", 404),
    ] {
        let mut event = request("GET", path);
        event["requestContext"]["stage"] = json!(stage);
        assert_eq!(send(&event).await.status, status, "{stage} {path}");
    }
}
