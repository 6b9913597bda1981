use std::collections::BTreeMap;

use serde_json::{Value, json};

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

/// Returns each path in openapi.yaml with its operations by method.
fn paths() -> impl Iterator<Item = (&'static str, BTreeMap<String, &'static Value>)> {
    DOCUMENT["paths"].as_object().unwrap().iter().map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        (path.as_str(), operations.map(|(method, operation)| (method.to_uppercase(), operation)).collect())
    })
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
    for (path, operations) in paths() {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            if !operations.contains_key(method) {
                let response = send(&request(method, path)).await;
                assert_eq!(response.code(), (405, "method_not_allowed"), "{method} {path}");
                let mut allowed: Vec<_> = response.header("allow").unwrap().split(", ").collect();
                allowed.sort_unstable();
                assert!(allowed.iter().eq(operations.keys()), "{method} {path}: {allowed:?}");
            }
        }
    }
}

#[tokio::test]
async fn operations_require_a_credential_unless_openapi_yaml_says_otherwise() {
    for (path, operations) in paths() {
        for (method, operation) in operations {
            let is_public = operation["security"] == json!([]);
            let response = send(&request(&method, path)).await;
            // A public operation may fail because all backends are unreachable, but not with a 401.
            assert_eq!(response.status == 401, !is_public, "{method} {path}");
        }
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
