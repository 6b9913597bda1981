//! Tests for `PATCH /v1/packs/{id}`.

use pack_upload::identity::KeyTemplate;
use serde_json::{Value, json};

use super::{
    event, read, request,
    test_api::{TestApi, secret, with_credential},
};

const UNKNOWN: &str = "pack_01JACME1000000000000000000";

fn update(id: &str, body: &str) -> Value {
    let mut event = request("PATCH", &format!("/v1/packs/{id}"));
    event["headers"]["content-type"] = json!("application/json");
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
    with_credential(event, secret("acme", KeyTemplate::FullAccess).reveal())
}

#[tokio::test]
async fn a_visibility_change_returns_the_record_and_can_be_repeated() {
    let api = TestApi::start().await;
    let created = api.send(&event("upload-http-api")).await;
    let id = created.body["id"].as_str().unwrap();
    for visibility in ["community", "community", "org"] {
        let response = api.send(&update(id, &json!({"visibility": visibility}).to_string())).await;
        let mut expected = read(&created.body);
        expected["visibility"] = json!(visibility);
        assert_eq!((response.status, &response.body), (200, &expected));
        let mut get = event("get");
        get["rawPath"] = json!(format!("/v1/packs/{id}"));
        assert_eq!(api.send(&get).await.body, expected);
    }
}

#[tokio::test]
async fn every_problem_in_the_body_and_the_query_is_reported() {
    const VALUE: &str = "must be `org` or `community`";
    let api = TestApi::start().await;
    for (body, fields) in [
        ("{}", json!({"visibility": [VALUE]})),
        (r#"{"visibility": null}"#, json!({"visibility": [VALUE]})),
        (r#"{"visibility": "Org"}"#, json!({"visibility": [VALUE]})),
        (
            r#"{"visibility": "public", "name": "x"}"#,
            json!({"visibility": [VALUE], "name": ["is not a known key; the key is `visibility`"]}),
        ),
        (r#"["org"]"#, json!({"body": ["must be a JSON object with the key `visibility`"]})),
        ("", json!({"body": ["is not valid JSON: EOF while parsing a value at line 1 column 0"]})),
    ] {
        assert_eq!(api.send(&update(UNKNOWN, body)).await.fields(), &fields, "{body}");
    }
    let mut event = update(UNKNOWN, "{}");
    event["rawQueryString"] = json!("dry_run=true");
    let fields = json!({"visibility": [VALUE], "dry_run": ["is not a query parameter of this request"]});
    assert_eq!(api.send(&event).await.fields(), &fields);
}

#[tokio::test]
async fn only_the_first_failed_check_is_reported() {
    let api = TestApi::start().await;
    let code = async |event: &Value| api.send(event).await.body["error"]["code"].clone();
    let mut wrong_type = update(UNKNOWN, "?");
    wrong_type["headers"]["content-type"] = json!("text/plain");
    assert_eq!(code(&with_credential(wrong_type.clone(), "sk_nonsense")).await, "unauthenticated");
    let reader = secret("acme", KeyTemplate::SubmitObserve);
    assert_eq!(code(&with_credential(wrong_type.clone(), reader.reveal())).await, "permission_denied");
    assert_eq!(code(&wrong_type).await, "unsupported_media_type");
    assert_eq!(code(&update("nonsense", "{}")).await, "validation_error");
    for id in [UNKNOWN, "nonsense"] {
        assert_eq!(code(&update(id, r#"{"visibility": "org"}"#)).await, "pack_not_found", "{id}");
    }
}

#[tokio::test]
async fn a_past_due_org_gets_a_404_for_a_pack_of_another_org() {
    let api = TestApi::start().await;
    let created = api.send(&event("upload-http-api")).await;
    let community = update(created.body["id"].as_str().unwrap(), r#"{"visibility": "community"}"#);
    let pastdue = secret("pastdue", KeyTemplate::FullAccess);
    let response = api.send(&with_credential(community, pastdue.reveal())).await;
    assert_eq!(response.code(), (404, "pack_not_found"));
    let record = api.table.record(created.body["id"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(record.release.visibility.to_string(), "org");
}
