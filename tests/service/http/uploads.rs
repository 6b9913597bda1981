use serde_json::json;

use super::{Answer, backend::Backend, event, request, unreachable};

#[tokio::test]
async fn every_shape_of_event_uploads_the_same_pack() {
    let backend = Backend::start().await;
    let first = backend.answer(&event("upload-http-api")).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let id = first.body["id"].as_str().unwrap();
    assert_eq!(first.header("location"), Some(format!("/v1/packs/{id}").as_str()));
    assert_eq!(first.body["org_id"], "org_01JACME0000000000000000000");
    for name in ["upload-rest", "upload-rest-stage", "upload-function-url"] {
        let again = backend.answer(&event(name)).await;
        assert_eq!((again.status, &again.body), (200, &first.body), "{name}");
        assert_eq!(again.header("location"), None, "{name}");
    }

    let mut get = event("get");
    get["rawPath"] = json!(format!("/v1/packs/{id}"));
    let found = backend.answer(&get).await;
    assert_eq!((found.status, &found.body), (200, &first.body));
    let list = backend.answer(&event("list")).await;
    assert_eq!((list.status, list.body), (200, json!({"packs": [first.body]})));
}

/// What a REST API without binary media types makes of an upload: the answer says what to do about it.
#[tokio::test]
async fn a_body_damaged_by_the_gateway_is_told_from_a_bad_archive() {
    let backend = Backend::start().await;
    let answer = backend.answer(&event("upload-rest-text")).await;
    let fields = answer.fields().as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["form"]);
    assert!(fields["form"][0].as_str().unwrap().contains("binaryMediaTypes"), "{fields:?}");
}

#[tokio::test]
async fn a_dependency_that_fails_is_unavailable_for_a_while() {
    for event in [event("upload-http-api"), event("list"), event("get")] {
        let answer = Answer::read(unreachable(), &event).await;
        assert_eq!(answer.code(), (503, "unavailable"));
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert!(!answer.body.to_string().contains("127.0.0.1"), "the inside leaks: {}", answer.body);
    }
}

/// A route that does not exist and a request without credential are answered without a backend.
#[tokio::test]
async fn what_needs_no_backend_asks_none() {
    assert_eq!(Answer::read(unreachable(), &request("GET", "/nowhere")).await.status, 404);
    assert_eq!(Answer::read(unreachable(), &request("GET", "/v1/packs")).await.status, 401);
}
