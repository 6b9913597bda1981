//! Tests of the limits on what an org may do.

use std::time::Duration;

use pack_upload::identity::{KeyTemplate, OrgLimit};
use serde_json::{Value, json};
use test_support::archive::Archive;

use super::{
    ApiResponse, event, request,
    test_api::{TestApi, form, secret, upload, with_credential},
};
use crate::support::BackendState;

/// A pack with an id that no test creates.
const ABSENT: &str = "/v1/packs/pack_01M857NA6Y6E1XYQ05DEPKJKQN";

fn as_acme(method: &str, path: &str) -> Value {
    with_credential(request(method, path), secret("acme", KeyTemplate::FullAccess).reveal())
}

fn with_json(mut event: Value, body: &Value) -> Value {
    event["headers"]["content-type"] = json!("application/json");
    event["body"] = json!(body.to_string());
    event["isBase64Encoded"] = json!(false);
    event
}

fn begin() -> Value {
    let sha256 = "20492a4d0d84f8beb1767f6616229f85d44c2827b64bdbfb260ee12fa1109e0e";
    with_json(as_acme("POST", "/v1/packs/uploads"), &json!({"size_bytes": 1, "sha256": sha256}))
}

fn patch() -> Value {
    with_json(as_acme("PATCH", ABSENT), &json!({"visibility": "org"}))
}

fn delete() -> Value {
    as_acme("DELETE", ABSENT)
}

fn dry_run(name: &str) -> Value {
    let mut event = upload_of(name, "1.0.0");
    event["rawQueryString"] = json!("dry_run=true");
    event
}

fn upload_of(name: &str, version: &str) -> Value {
    upload(&form(&[("archive", &Archive::pack_named(name, version).tar_gz())]))
}

/// Fails unless the response says that this limit is exceeded. Returns its `Retry-After`.
#[track_caller]
fn expect_limited(response: &ApiResponse, code: &str, limit: OrgLimit, value: u64) -> u64 {
    assert_eq!(response.code(), (429, code), "{}", response.body);
    let error = &response.body["error"];
    assert_eq!(error["details"], json!({"limit": {"name": limit.to_string(), "value": value}}));
    assert!(error["message"].as_str().unwrap().contains(&*limit.to_string()), "{error}");
    response.header("retry-after").unwrap().parse().unwrap()
}

/// Waits for the next minute if less than 20 seconds of this one are left, so that all requests of a test are counted
/// in one minute.
async fn early_in_a_minute() {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() % 60;
    if seconds > 40 {
        tokio::time::sleep(Duration::from_secs(61 - seconds)).await;
    }
}

#[tokio::test]
async fn uploads_and_changes_over_the_rate_are_rejected_until_the_next_minute() {
    const LIMIT: OrgLimit = OrgLimit::UploadsPerMinute;
    early_in_a_minute().await;
    let api = TestApi::start_limited(&[(LIMIT, 4)]).await;
    assert_eq!(api.send(&upload_of("a", "1.0.0")).await.status, 201);
    assert_eq!(api.send(&dry_run("b")).await.status, 200);
    assert_eq!(api.send(&begin()).await.status, 201);
    assert_eq!(api.send(&patch()).await.status, 404);
    let before = BackendState::from_embedded(&api.embedded).await;
    for event in [upload_of("c", "1.0.0"), upload_of("a", "1.0.0"), dry_run("b"), begin(), patch()] {
        let retry_after = expect_limited(&api.send(&event).await, "rate_limited", LIMIT, 4);
        assert!((1..=60).contains(&retry_after), "{retry_after}");
    }
    assert_eq!(BackendState::from_embedded(&api.embedded).await, before, "nothing is left behind");

    // Reads are not counted, and deletions are counted apart.
    assert_eq!(api.send(&event("list")).await.status, 200);
    for _ in 0..4 {
        assert_eq!(api.send(&delete()).await.status, 404);
    }
    expect_limited(&api.send(&delete()).await, "rate_limited", LIMIT, 4);

    // Another org is not affected.
    let globex = secret("globex", KeyTemplate::FullAccess);
    assert_eq!(api.send(&with_credential(upload_of("c", "1.0.0"), globex.reveal())).await.status, 201);
}

#[tokio::test]
async fn an_exceeded_rate_takes_precedence_over_an_invalid_request_but_not_over_the_caller_s_rights() {
    early_in_a_minute().await;
    let api = TestApi::start_limited(&[(OrgLimit::UploadsPerMinute, 1)]).await;
    assert_eq!(api.send(&dry_run("a")).await.status, 200);
    let limited = async |event: &Value| {
        expect_limited(&api.send(event).await, "rate_limited", OrgLimit::UploadsPerMinute, 1);
    };
    let mut wrong_type = upload_of("a", "1.0.0");
    wrong_type["headers"]["content-type"] = json!("text/plain");
    limited(&wrong_type).await;
    limited(&upload(&form(&[("archive", &vec![0; 4_500_001])]))).await;
    limited(&upload(&form(&[("archive", b"no archive")]))).await;
    let mut query = upload_of("a", "1.0.0");
    query["rawQueryString"] = json!("dry_run=perhaps");
    limited(&query).await;
    limited(&with_json(begin(), &json!({}))).await;
    limited(&with_json(patch(), &json!({}))).await;

    let mut event = upload_of("a", "1.0.0");
    event["requestContext"]["http"]["method"] = json!("PUT");
    assert_eq!(api.send(&event).await.code(), (405, "method_not_allowed"));
    let event = with_credential(upload_of("a", "1.0.0"), "sk_nonsense");
    assert_eq!(api.send(&event).await.code(), (401, "unauthenticated"));
    let event = with_credential(upload_of("a", "1.0.0"), secret("acme", KeyTemplate::ReadOnly).reveal());
    assert_eq!(api.send(&event).await.code(), (403, "permission_denied"));
    let event = with_credential(upload_of("a", "1.0.0"), secret("pastdue", KeyTemplate::FullAccess).reveal());
    assert_eq!(api.send(&event).await.code(), (423, "billing_inactive"));
}

/// An instance that has seen the limit reached does not ask the table again.
#[tokio::test]
async fn an_instance_counts_no_further_requests_in_a_minute_in_which_the_limit_was_reached() {
    early_in_a_minute().await;
    let api = TestApi::start_limited(&[(OrgLimit::UploadsPerMinute, 1)]).await;
    assert_eq!(api.send(&dry_run("a")).await.status, 200);
    assert_eq!(api.send(&dry_run("a")).await.status, 429);
    let scan = api.embedded.clients.dynamodb.scan().table_name(&api.embedded.options.table_name);
    let items = scan.send().await.unwrap().items.unwrap();
    let rate = items.iter().find(|item| item["pk"].as_s().unwrap().starts_with("RATE#")).unwrap();
    assert_eq!(rate["changes"].as_n().unwrap(), "1", "a rejected request is not counted");
    let delete = api.embedded.clients.dynamodb.delete_item().table_name(&api.embedded.options.table_name);
    delete.key("pk", rate["pk"].clone()).key("sk", rate["sk"].clone()).send().await.unwrap();
    assert_eq!(api.send(&dry_run("a")).await.status, 429);
}
