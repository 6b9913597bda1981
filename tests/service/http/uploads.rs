use serde_json::json;

use super::{event, request, send, test_api::TestApi};

#[tokio::test]
async fn every_event_format_uploads_the_same_pack() {
    let api = TestApi::start().await;
    let first = api.send(&event("upload-http-api")).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let id = first.body["id"].as_str().unwrap();
    assert_eq!(first.header("location"), Some(format!("/v1/packs/{id}").as_str()));
    assert_eq!(first.body["org_id"], "org_01JACME0000000000000000000");
    for name in ["upload-rest", "upload-rest-stage", "upload-function-url"] {
        let again = api.send(&event(name)).await;
        assert_eq!((again.status, &again.body), (200, &first.body), "{name}");
        assert_eq!(again.header("location"), None, "{name}");
    }

    let mut get = event("get");
    get["rawPath"] = json!(format!("/v1/packs/{id}"));
    let found = api.send(&get).await;
    assert_eq!((found.status, &found.body), (200, &first.body));
    let list = api.send(&event("list")).await;
    assert_eq!((list.status, list.body), (200, json!({"packs": [first.body]})));
}

/// A REST API without `binaryMediaTypes` decodes the body as text. The response says how to fix the configuration.
#[tokio::test]
async fn the_response_says_that_the_gateway_corrupted_the_body() {
    let api = TestApi::start().await;
    let response = api.send(&event("upload-rest-text")).await;
    let fields = response.fields().as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["form"]);
    assert!(fields["form"][0].as_str().unwrap().contains("binaryMediaTypes"), "{fields:?}");
}

#[tokio::test]
async fn a_failing_backend_causes_a_503_with_retry_after() {
    for event in [event("upload-http-api"), event("list"), event("get")] {
        let response = send(&event).await;
        assert_eq!(response.code(), (503, "unavailable"));
        assert_eq!(response.header("retry-after"), Some("2"));
        assert!(!response.body.to_string().contains("127.0.0.1"), "an internal address leaks: {}", response.body);
    }
}

#[tokio::test]
async fn unknown_routes_and_missing_credentials_need_no_backend() {
    assert_eq!(send(&request("GET", "/nowhere")).await.status, 404);
    assert_eq!(send(&request("GET", "/v1/packs")).await.status, 401);
}
