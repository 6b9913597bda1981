//! Tests for the rate limits and the quotas of an org.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use pack_format::Digest;
use pack_upload::{
    identity::{KeyTemplate, OrgLimit},
    records::Timestamp,
};
use serde_json::{Value, json};
use test_support::archive::Archive;

use super::{
    ApiResponse, event, request,
    test_api::{TestApi, form, secret, upload, with_credential},
};
use crate::support::{BackendState, expect_exact_counters};

/// The path of a pack that does not exist.
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

/// Asserts that the response says that this limit is exceeded. Returns the response's `Retry-After`, in seconds.
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
async fn uploads_and_changes_over_the_rate_are_rejected_with_a_retry_after_of_up_to_a_minute() {
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

    // Reads are not counted, and deletions are counted separately.
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
async fn the_rate_is_checked_after_the_caller_is_authorized_and_before_the_request_is_validated() {
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

/// After a function instance has rejected an upload because its org reached `uploads_per_minute`, it rejects the org's
/// further uploads until the next minute, without calling the table.
#[tokio::test]
async fn an_instance_that_has_seen_the_limit_reached_counts_no_more_requests_in_that_minute() {
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

/// Returns the event that uploads a pack with a file of `size` random bytes.
fn upload_of_size(name: &str, size: usize) -> Value {
    let mut noise = vec![0; size];
    getrandom::fill(&mut noise).unwrap();
    upload(&form(&[("archive", &Archive::pack_named(name, "1.0.0").file("data/noise", noise).tar_gz())]))
}

async fn id_of(api: &TestApi, event: &Value) -> String {
    let created = api.send(event).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.body["id"].as_str().unwrap().to_owned()
}

/// Asserts that the upload and its dry run are both rejected because of this quota, and change nothing.
async fn expect_over_quota(api: &TestApi, event: &Value, limit: OrgLimit, value: u64) {
    let before = BackendState::from_embedded(&api.embedded).await;
    let mut dry_run = event.clone();
    dry_run["rawQueryString"] = json!("dry_run=true");
    for event in [event, &dry_run] {
        expect_limited(&api.send(event).await, "quota_exceeded", limit, value);
    }
    assert_eq!(BackendState::from_embedded(&api.embedded).await, before, "nothing is left behind");
}

#[tokio::test]
async fn a_build_counts_as_pending_until_it_is_ready_or_failed() {
    let api = TestApi::start_limited(&[(OrgLimit::PendingBuilds, 2)]).await;
    let first = id_of(&api, &upload_of("a", "1.0.0")).await;
    let second = id_of(&api, &upload_of("b", "1.0.0")).await;
    expect_over_quota(&api, &upload_of("c", "1.0.0"), OrgLimit::PendingBuilds, 2).await;
    let globex = secret("globex", KeyTemplate::FullAccess);
    assert_eq!(api.send(&with_credential(upload_of("c", "1.0.0"), globex.reveal())).await.status, 201);

    api.make_ready(&first).await;
    id_of(&api, &upload_of("c", "1.0.0")).await;
    expect_over_quota(&api, &upload_of("d", "1.0.0"), OrgLimit::PendingBuilds, 2).await;

    let record = api.table.record(second.parse().unwrap()).await.unwrap().unwrap();
    assert!(api.table.mark_failed(&record, None, "broken", Timestamp::now()).await.unwrap());
    id_of(&api, &upload_of("d", "1.0.0")).await;
    // As long as the quota is used up, the failed build cannot be queued again, and its pack cannot be replaced.
    expect_over_quota(&api, &upload_of("b", "1.0.0"), OrgLimit::PendingBuilds, 2).await;
    expect_over_quota(&api, &upload_of_size("b", 1), OrgLimit::PendingBuilds, 2).await;
}

#[tokio::test]
async fn a_name_and_a_version_count_even_after_the_pack_is_deleted() {
    let api = TestApi::start_limited(&[(OrgLimit::Names, 2), (OrgLimit::Versions, 3)]).await;
    let deleted = id_of(&api, &upload_of("a", "1.0.0")).await;
    id_of(&api, &upload_of("b", "1.0.0")).await;
    api.purge(&deleted).await;
    expect_over_quota(&api, &upload_of("c", "1.0.0"), OrgLimit::Names, 2).await;
    id_of(&api, &upload_of("b", "2.0.0")).await;
    expect_over_quota(&api, &upload_of("b", "3.0.0"), OrgLimit::Versions, 3).await;
    id_of(&api, &upload_of("a", "1.0.0")).await;
}

#[tokio::test]
async fn a_purge_releases_the_stored_bytes_and_the_pending_build() {
    let api = TestApi::start_limited(&[(OrgLimit::StoredBytes, 50_000), (OrgLimit::PendingBuilds, 1)]).await;
    expect_over_quota(&api, &upload_of_size("a", 50_000), OrgLimit::StoredBytes, 50_000).await;
    let id = id_of(&api, &upload_of_size("a", 30_000)).await;
    let record = api.table.record(id.parse().unwrap()).await.unwrap().unwrap();
    api.table.mark_deleting(record.release.org_id, record.id, Timestamp::now()).await.unwrap().unwrap();
    expect_over_quota(&api, &upload_of("b", "1.0.0"), OrgLimit::PendingBuilds, 1).await;
    api.purge(&id).await;
    let id = id_of(&api, &upload_of_size("b", 30_000)).await;
    api.make_ready(&id).await;
    expect_over_quota(&api, &upload_of_size("c", 30_000), OrgLimit::StoredBytes, 50_000).await;
}

#[tokio::test]
async fn an_upload_of_a_pack_that_exists_needs_no_quota() {
    let api = TestApi::start_limited(&[(OrgLimit::PendingBuilds, 1), (OrgLimit::Versions, 1)]).await;
    id_of(&api, &upload_of("a", "1.0.0")).await;
    assert_eq!(api.send(&upload_of("a", "1.0.0")).await.status, 200);
    assert_eq!(api.send(&dry_run("a")).await.status, 200);
    assert_eq!(api.send(&upload_of_size("a", 1)).await.code(), (409, "version_exists"));
    expect_over_quota(&api, &upload_of("b", "1.0.0"), OrgLimit::PendingBuilds, 1).await;
}

#[tokio::test]
async fn an_upload_that_has_begun_counts_until_it_is_submitted() {
    const LIMIT: OrgLimit = OrgLimit::BegunUploads;
    let api = TestApi::start_limited(&[(LIMIT, 2)]).await;
    let archive = Archive::pack_named("a", "1.0.0").tar_gz();
    let begin = |archive: &[u8]| {
        let sha256 = Digest::sha256(archive).to_string();
        let body = json!({"size_bytes": archive.len(), "sha256": sha256.trim_start_matches("sha256:")});
        with_json(as_acme("POST", "/v1/packs/uploads"), &body)
    };
    let mut ids = Vec::new();
    for _ in 0..2 {
        let begun = api.send(&begin(&archive)).await;
        assert_eq!(begun.status, 201);
        api.stage(&begun.body, &archive).await;
        ids.push(begun.body["upload_id"].as_str().unwrap().to_owned());
    }
    expect_limited(&api.send(&begin(&archive)).await, "quota_exceeded", LIMIT, 2);
    let too_large = json!({"size_bytes": u64::MAX, "sha256": "0".repeat(64)});
    let too_large = with_json(as_acme("POST", "/v1/packs/uploads"), &too_large);
    assert_eq!(api.send(&too_large).await.code(), (413, "payload_too_large"));

    let submit = |id: &str| upload(&form(&[("upload_id", id.as_bytes())]));
    assert_eq!(api.send(&submit(&ids[0])).await.status, 201);
    assert_eq!(api.send(&submit(&ids[0])).await.status, 200, "a repeat counts nothing");
    assert_eq!(api.send(&begin(&archive)).await.status, 201);
    expect_limited(&api.send(&begin(&archive)).await, "quota_exceeded", LIMIT, 2);
    // The second upload has the same content, so submitting it creates no record. It counts until requeue removes it.
    assert_eq!(api.send(&submit(&ids[1])).await.status, 200);
    let due_at = api.due_at(&ids[1]).await.since(Timestamp::now()).as_secs();
    assert!((79 * 60..=80 * 60).contains(&due_at), "{due_at}");
    expect_limited(&api.send(&begin(&archive)).await, "quota_exceeded", LIMIT, 2);
}

/// DynamoDB cancels a transaction on an item that another transaction is changing. Every upload of an org changes the
/// item with the org's counters, so these uploads conflict.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_uploads_at_once_within_the_limits_all_succeed() {
    let (api, conflicts) = TestApi::start_with_conflicts().await;
    let api = Arc::new(api);
    let tasks: Vec<_> = (0..60)
        .map(|n| {
            let api = Arc::clone(&api);
            tokio::spawn(async move { api.send(&upload_of(&format!("pack-{n}"), "1.0.0")).await })
        })
        .collect();
    for task in tasks {
        let response = task.await.unwrap();
        assert_eq!(response.status, 201, "{}", response.body);
    }
    assert!(conflicts.count() > 0, "the proxy canceled no transaction");
    println!("{} transactions were canceled", conflicts.count());
    let scan = api.embedded.clients.dynamodb.scan().table_name(&api.embedded.options.table_name);
    expect_exact_counters(scan.send().await.unwrap().items());
}

#[tokio::test]
async fn reads_over_the_rate_are_rejected_with_a_retry_after_of_a_second() {
    const LIMIT: OrgLimit = OrgLimit::ReadsPerSecond;
    let api = TestApi::start_limited(&[(LIMIT, 2)]).await;
    let reads = [event("list"), as_acme("GET", ABSENT), as_acme("GET", &format!("{ABSENT}/attestations"))];
    assert_eq!(api.send(&reads[0]).await.status, 200);
    assert_eq!(api.send(&reads[1]).await.status, 404);
    let at_once = join_all(reads.iter().cycle().take(60).map(|read| api.send(read))).await;
    let limited: Vec<_> = at_once.iter().filter(|response| response.status == 429).collect();
    assert!(!limited.is_empty(), "the 60 reads took 29 seconds or more");
    for response in limited {
        assert_eq!(expect_limited(response, "rate_limited", LIMIT, 2), 1);
    }
    let globex = secret("globex", KeyTemplate::FullAccess);
    assert_eq!(api.list_as(globex.reveal()).await.status, 200, "another org is not affected");
    // Uploads do not count as reads, and neither do requests for documents such as `/v1/openapi.json`.
    assert_eq!(api.send(&dry_run("a")).await.status, 200);
    assert_eq!(api.send(&request("GET", "/v1/openapi.json")).await.status, 200);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(api.send(&reads[0]).await.status, 200);
}
