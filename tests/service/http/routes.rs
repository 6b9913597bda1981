use serde_json::json;

use super::{answer, request};

#[tokio::test]
async fn a_path_that_nobody_serves_is_not_found() {
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
        assert_eq!(answer(&request("GET", path)).await.code(), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn another_method_is_told_which_one_is_served() {
    for (method, path, allow) in [
        ("GET", "/v1/packs/upload", "POST"),
        ("HEAD", "/v1/packs/upload", "POST"),
        ("PUT", "/v1/packs/upload", "POST"),
        ("OPTIONS", "/v1/packs/upload", "POST"),
        ("GET", "/v1/packs/uploads", "POST"),
        ("POST", "/v1/packs", "GET"),
        ("HEAD", "/v1/packs", "GET"),
        ("DELETE", "/v1/packs/pack_01JACME1000000000000000000", "GET"),
        ("PATCH", "/v1/packs/whatever", "GET"),
    ] {
        let answer = answer(&request(method, path)).await;
        assert_eq!(answer.code(), (405, "method_not_allowed"), "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn a_served_route_asks_for_a_credential_next() {
    for (method, path) in
        [("POST", "/v1/packs/upload"), ("GET", "/v1/packs"), ("GET", "/v1/packs/x"), ("POST", "/v1/packs/uploads")]
    {
        assert_eq!(answer(&request(method, path)).await.code(), (401, "unauthenticated"), "{method} {path}");
    }
}

/// HTTP APIs put a stage that has a name into `rawPath`.
#[tokio::test]
async fn the_stage_of_an_http_api_is_no_part_of_the_route() {
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
        assert_eq!(answer(&event).await.status, status, "{stage} {path}");
    }
}
