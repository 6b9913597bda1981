//! Tests for `DELETE /v1/packs/{id}`. No builder runs, so no purge succeeds.

use pack_upload::{
    identity::KeyTemplate,
    records::{BuildStatus, PackId},
};
use serde_json::{Value, json};

use super::{
    event, request,
    test_api::{TestApi, secret, with_credential},
};

const UNKNOWN: &str = "pack_01JACME1000000000000000000";

fn delete(id: &str) -> Value {
    with_credential(request("DELETE", &format!("/v1/packs/{id}")), secret("acme", KeyTemplate::FullAccess).reveal())
}

#[tokio::test]
async fn a_deletion_whose_purge_does_not_finish_in_time_returns_502_and_can_be_repeated() {
    let api = TestApi::start().await;
    let created = api.send(&event("upload-http-api")).await;
    let id = created.body["id"].as_str().unwrap();
    for _ in 0..2 {
        let response = api.send(&delete(id)).await;
        assert_eq!(response.code(), (502, "registry_cleanup_failed"));
        assert_eq!(response.header("retry-after"), Some("2"));
    }
    let mut get = event("get");
    get["rawPath"] = json!(format!("/v1/packs/{id}"));
    assert_eq!(api.send(&get).await.body["build_status"], "deleting");
    let upload = api.send(&event("upload-http-api")).await;
    assert_eq!(upload.code(), (503, "unavailable"));
    let mut update = event("update");
    update["rawPath"] = json!(format!("/v1/packs/{id}"));
    assert_eq!(api.send(&update).await.code(), (404, "pack_not_found"));
}

#[tokio::test]
async fn only_the_first_failed_check_is_reported() {
    let api = TestApi::start().await;
    let mut with_query = delete("nonsense");
    with_query["rawQueryString"] = json!("force=true");
    let code = async |event: &Value| api.send(event).await.body["error"]["code"].clone();
    assert_eq!(code(&with_credential(with_query.clone(), "sk_nonsense")).await, "unauthenticated");
    let reader = secret("acme", KeyTemplate::SubmitObserve);
    assert_eq!(code(&with_credential(with_query.clone(), reader.reveal())).await, "permission_denied");
    let problem = json!({"force": ["is not a query parameter of this request"]});
    assert_eq!(api.send(&with_query).await.fields(), &problem);
    for id in [UNKNOWN, "nonsense"] {
        assert_eq!(code(&delete(id)).await, "pack_not_found", "{id}");
    }
}

#[tokio::test]
async fn a_past_due_org_gets_a_404_for_a_pack_of_another_org() {
    let api = TestApi::start().await;
    let created = api.send(&event("upload-http-api")).await;
    let id: PackId = created.body["id"].as_str().unwrap().parse().unwrap();
    let pastdue = secret("pastdue", KeyTemplate::FullAccess);
    let response = api.send(&with_credential(delete(&id.to_string()), pastdue.reveal())).await;
    assert_eq!(response.code(), (404, "pack_not_found"));
    assert_eq!(api.table.record(id).await.unwrap().unwrap().build.status, BuildStatus::Queued);
}
