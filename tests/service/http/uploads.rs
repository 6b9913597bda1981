use pack_upload::records::Timestamp;
use serde_json::json;

use super::{event, listed, read, request, send, test_api::TestApi};
use crate::support::Archive;

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
    assert_eq!((found.status, found.body), (200, read(&first.body)));
    let list = api.send(&event("list")).await;
    assert_eq!((list.status, list.body), (200, json!({"packs": [listed(&first.body)]})));
}

#[tokio::test]
async fn a_conflict_says_what_differs_and_how_to_proceed() {
    const NEW_VERSION: &str = "the content of a version cannot change, so upload the pack under a new version";
    let api = TestApi::start().await;
    let archive = |text: &str| Archive::pack_named("taken", "1.0.0").file("data/a.txt", text).tar_gz();
    let created = api.upload(&[("archive", &archive("one"))]).await;
    let id = created.body["id"].as_str().unwrap();
    let patch = format!(
        "this version already exists with the same content and a different visibility; \
         change the visibility with `PATCH /v1/packs/{id}`"
    );
    for (text, visibility, differs, message) in [
        (
            "two",
            "org",
            json!(["content"]),
            format!("this version already exists with different content; {NEW_VERSION}"),
        ),
        ("one", "community", json!(["visibility"]), patch),
        (
            "two",
            "community",
            json!(["content", "visibility"]),
            format!("this version already exists with different content and a different visibility; {NEW_VERSION}"),
        ),
    ] {
        let conflict = api.upload(&[("archive", &archive(text)), ("visibility", visibility.as_bytes())]).await;
        assert_eq!(conflict.code(), (409, "version_exists"));
        assert_eq!(conflict.body["error"]["message"], message);
        assert_eq!(conflict.body["error"]["details"]["differs"], differs);
        assert_eq!(conflict.body["error"]["details"]["pack_id"], id);
    }
}

#[tokio::test]
async fn a_queued_record_says_when_to_poll_again() {
    let api = TestApi::start().await;
    let created = api.send(&event("upload-http-api")).await;
    let id = created.body["id"].as_str().unwrap();
    let mut get = event("get");
    get["rawPath"] = json!(format!("/v1/packs/{id}"));
    assert_eq!(api.send(&get).await.header("retry-after"), Some("1"));

    let record = api.table.record(id.parse().unwrap()).await.unwrap().unwrap();
    assert!(api.table.mark_failed(&record, None, "broken", Timestamp::now()).await.unwrap());
    assert_eq!(api.send(&get).await.header("retry-after"), None);
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
async fn requests_to_unknown_routes_or_without_credentials_call_no_backend() {
    assert_eq!(send(&request("GET", "/nowhere")).await.status, 404);
    assert_eq!(send(&request("GET", "/v1/packs")).await.status, 401);
}
