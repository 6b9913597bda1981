//! Tests for `admin`: its commands, and the audit trail that they write.

use std::{
    process::{Command, Output},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use pack_upload::{
    aws::Lease,
    identity::{OrgLimit, Settings},
    records::{BuildStatus, Record, Timestamp},
};
use serde_json::{Value, json};

use super::{event, issuer::ACME, test_api::TestApi};
use crate::support::Archive;

const ACCESS_KEY_ID: &str = "AKIDOPERATOR";

/// Runs the `admin` binary with the API's backends.
async fn admin(api: &TestApi, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_admin"));
    command
        .args(arguments)
        .env("TABLE_NAME", "pack-upload")
        .env("STAGING_BUCKET", &api.embedded.options.staging_bucket)
        .env("BUILD_QUEUE_URL", &api.embedded.queues.builds)
        .env("PURGE_QUEUE_URL", &api.embedded.queues.purges)
        .env("REGISTRY", api.embedded.backends.registry.to_string())
        .env("AWS_ENDPOINT_URL_DYNAMODB", &api.embedded.backends.endpoints.dynamodb)
        .env("AWS_ENDPOINT_URL_S3", &api.embedded.backends.endpoints.s3)
        .env("AWS_ENDPOINT_URL_SQS", &api.embedded.backends.endpoints.sqs)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-operator")
        .env("AWS_LAMBDA_LOG_LEVEL", "ERROR");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Returns the audit line on standard error. Panics unless the command succeeded and printed exactly one such line.
#[track_caller]
fn audit_line(output: &Output) -> Value {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(output.status.success(), "{text}");
    let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let (line, None) = (lines.next().unwrap(), lines.next()) else { panic!("expected one line: {text}") };
    line
}

/// Returns the entries of an org's audit trail, oldest first.
async fn trail(api: &TestApi, org: &str) -> Vec<Value> {
    let text = |value: &AttributeValue| match value {
        AttributeValue::N(number) => json!(number.parse::<u64>().unwrap()),
        value => json!(value.as_s().unwrap()),
    };
    let query = api.embedded.clients.dynamodb.query().table_name("pack-upload");
    let query = query
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(format!("AUDIT#{org}")));
    let items = query.send().await.unwrap().items.unwrap();
    items.iter().map(|item| item.iter().map(|(name, value)| (name.clone(), text(value))).collect()).collect()
}

#[tokio::test]
async fn creating_and_revoking_a_key_are_audited_without_its_secret() {
    let api = TestApi::start_with(&Settings { cache_for: Duration::ZERO, ..Settings::default() }).await;
    let created = admin(&api, &["key", "create", "acme", "--template", "submit_observe"]).await;
    let secret = String::from_utf8(created.stdout.clone()).unwrap().trim().to_owned();
    let line = audit_line(&created);
    assert!(line["at"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{line}");
    let key = line["key"].as_str().unwrap();
    assert_eq!(
        [&line["target"], &line["event_type"], &line["actor"], &line["org_id"], &line["template"]],
        ["audit", "key.create", ACCESS_KEY_ID, ACME, "submit_observe"]
    );
    assert_eq!(api.list_as(&secret).await.status, 200);

    let revoked = admin(&api, &["key", "revoke", "acme", key]).await;
    let line = audit_line(&revoked);
    assert_eq!(
        [&line["target"], &line["event_type"], &line["actor"], &line["org_id"], &line["key"]],
        ["audit", "key.revoke", ACCESS_KEY_ID, ACME, key]
    );
    assert_eq!(api.list_as(&secret).await.code(), (401, "unauthenticated"));

    let trail = trail(&api, ACME).await;
    assert_eq!(trail.len(), 2);
    for (entry, event_type) in trail.iter().zip(["key.create", "key.revoke"]) {
        assert_eq!(
            [&entry["event_type"], &entry["actor"], &entry["org_id"], &entry["template"]],
            [event_type, ACCESS_KEY_ID, ACME, "submit_observe"],
            "{entry}"
        );
        assert!(entry["key_hash"].as_str().unwrap().starts_with(key) && entry["at"].is_string(), "{entry}");
    }
    let stored = json!(trail).to_string();
    let printed = [created.stderr, revoked.stderr, revoked.stdout].concat();
    for text in [stored.as_str(), &String::from_utf8(printed).unwrap()] {
        assert!(!text.contains(secret.splitn(3, '_').nth(2).unwrap()), "the output contains the key's secret");
        assert!(!text.contains("a-secret-of-the-operator"));
    }
}

#[tokio::test]
async fn pinning_and_unpinning_a_pack_are_audited_and_a_pinned_pack_is_not_deleted() {
    let api = TestApi::start().await;
    let created = api.send(&event("upload-http-api")).await;
    let id = created.body["id"].as_str().unwrap();
    let pin = ["pack", "pin", id, "role/1"];
    let not_ready = admin(&api, &pin).await;
    assert!(!not_ready.status.success());
    let message = String::from_utf8(not_ready.stderr).unwrap();
    assert_eq!(message, format!("error: {id} is not ready; only a ready pack can be pinned\n"));
    api.make_ready(id).await;

    let mut delete = event("delete");
    delete["rawPath"] = json!(format!("/v1/packs/{id}"));
    for (command, done, status) in [("pin", "pinned", 409), ("unpin", "unpinned", 502)] {
        let arguments = ["pack", command, id, "role/1"];
        let output = admin(&api, &arguments).await;
        let line = audit_line(&output);
        assert_eq!(
            [
                &line["target"],
                &line["event_type"],
                &line["actor"],
                &line["org_id"],
                &line["pack_id"],
                &line["reference"]
            ],
            ["audit", &format!("pack.{command}"), ACCESS_KEY_ID, ACME, id, "role/1"]
        );
        assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("{done} {id} for role/1")));
        assert!(admin(&api, &arguments).await.status.success(), "repeated");
        let response = api.send(&delete).await;
        assert_eq!(response.status, status, "{}", response.body);
        if status == 409 {
            assert_eq!(response.code(), (409, "pack_in_use"));
            assert_eq!(response.body["error"]["details"], json!({"references": 1}));
        }
    }
    let trail = trail(&api, ACME).await;
    assert_eq!(trail.len(), 2);
    for (entry, event_type) in trail.iter().zip(["pack.pin", "pack.unpin"]) {
        assert_eq!(
            [&entry["event_type"], &entry["actor"], &entry["pack_id"], &entry["reference"]],
            [event_type, ACCESS_KEY_ID, id, "role/1"],
            "{entry}"
        );
    }
}

/// An operation that changes nothing is not audited.
#[tokio::test]
async fn revoking_a_key_twice_is_audited_once() {
    let api = TestApi::start().await;
    let created = admin(&api, &["key", "create", "acme", "--template", "read_only"]).await;
    let key = audit_line(&created)["key"].as_str().unwrap().to_owned();
    audit_line(&admin(&api, &["key", "revoke", "acme", &key]).await);
    let again = admin(&api, &["key", "revoke", "acme", &key]).await;
    assert!(again.status.success());
    assert_eq!(String::from_utf8(again.stderr).unwrap(), format!("{key} was already revoked\n"));
    assert!(!admin(&api, &["key", "revoke", "acme", "0123456789ab"]).await.status.success());
    assert_eq!(trail(&api, ACME).await.len(), 2);
}

/// Uploads a pack as acme and makes its record ready, as a build does.
async fn ready_pack(api: &TestApi) -> Record {
    let created = api.upload(&[("archive", &Archive::pack_named("tools", "1.0.0").tar_gz())]).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["id"].as_str().unwrap().parse().unwrap();
    let record = api.table.record(id).await.unwrap().unwrap();
    let now = Timestamp::now();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(api.table.begin_build(&record, &lease, now).await.unwrap());
    assert!(api.table.publish(&record, &lease).await.unwrap());
    assert!(api.table.mark_ready(&record, &lease, now).await.unwrap());
    api.table.record(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_operators_rebuild_of_a_ready_pack_is_audited() {
    let api = TestApi::start().await;
    let record = ready_pack(&api).await;
    let id = record.id.to_string();
    let line = audit_line(&admin(&api, &["pack", "rebuild", &id]).await);
    assert_eq!(
        [&line["event_type"], &line["actor"], &line["org_id"], &line["pack_id"]],
        ["pack.rebuild", ACCESS_KEY_ID, ACME, &id]
    );
    let queued = api.table.record(record.id).await.unwrap().unwrap();
    assert_eq!((&queued.build.status, queued.build.attempt, queued.build.tries), (&BuildStatus::Queued, 2, 0));
    let [entry] = &*trail(&api, ACME).await else { panic!("expected one entry") };
    assert_eq!([&entry["event_type"], &entry["actor"], &entry["pack_id"]], ["pack.rebuild", ACCESS_KEY_ID, &id]);

    let again = admin(&api, &["pack", "rebuild", &id]).await;
    assert!(!again.status.success());
    let message = "error: the pack has the status queued, not ready\n";
    assert_eq!(String::from_utf8(again.stderr).unwrap(), message);
    assert_eq!(trail(&api, ACME).await.len(), 1);
}

#[tokio::test]
async fn pack_show_prints_a_record_with_its_internal_attributes() {
    let api = TestApi::start().await;
    let record = ready_pack(&api).await;
    let shown = admin(&api, &["pack", "show", &record.id.to_string()]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    for line in [
        format!("id                 {}", record.id),
        format!("image_digest       {}", record.release.image_digest),
        "build_status       ready".to_owned(),
        "published          true".to_owned(),
        format!("staging_key        {}", record.build.staging_key),
        "tries              1".to_owned(),
    ] {
        assert!(shown.lines().any(|found| found == line), "{line} is missing from {shown}");
    }

    let unknown = admin(&api, &["pack", "show", "pack_01ARZ3NDEKTSV4RRFFQ69G5FAV"]).await;
    assert!(!unknown.status.success());
    let message = "error: the pack pack_01ARZ3NDEKTSV4RRFFQ69G5FAV does not exist\n";
    assert_eq!(String::from_utf8(unknown.stderr).unwrap(), message);
}

#[tokio::test]
async fn creating_an_org_and_setting_its_billing_are_audited() {
    let api = TestApi::start().await;
    let created = admin(&api, &["org", "create", "initech"]).await;
    let line = audit_line(&created);
    let org = line["org_id"].as_str().unwrap();
    assert_eq!(
        [&line["target"], &line["event_type"], &line["actor"], &line["slug"], &line["billing"]],
        ["audit", "org.create", ACCESS_KEY_ID, "initech", "active"]
    );
    let line = audit_line(&admin(&api, &["org", "set-billing", "initech", "past_due"]).await);
    assert_eq!(
        [&line["event_type"], &line["actor"], &line["org_id"], &line["billing"]],
        ["org.set_billing", ACCESS_KEY_ID, org, "past_due"]
    );
    assert!(!admin(&api, &["org", "create", "initech"]).await.status.success());
    let trail = trail(&api, org).await;
    assert_eq!(trail.len(), 2);
    for (entry, (event_type, billing)) in trail.iter().zip([("org.create", "active"), ("org.set_billing", "past_due")])
    {
        assert_eq!(
            [&entry["event_type"], &entry["actor"], &entry["slug"], &entry["billing"]],
            [event_type, ACCESS_KEY_ID, "initech", billing],
            "{entry}"
        );
    }
}

#[tokio::test]
async fn an_operator_can_set_and_reset_a_limit_for_one_org() {
    let api = TestApi::start_limited(&[(OrgLimit::UploadsPerMinute, 1)]).await;
    let mut dry_run = event("upload-http-api");
    dry_run["rawQueryString"] = json!("dry_run=true");
    let set = async |value: &str| {
        let output = admin(&api, &["org", "limit", "acme", "uploads_per_minute", value]).await;
        (audit_line(&output), String::from_utf8(output.stdout).unwrap())
    };
    let (line, shown) = set("0").await;
    assert_eq!(
        [&line["event_type"], &line["actor"], &line["org_id"], &line["slug"], &line["limit"]],
        ["org.limit", ACCESS_KEY_ID, ACME, "acme", "uploads_per_minute"]
    );
    assert_eq!(line["value"], 0);
    assert_eq!(shown, format!("{ACME}  acme  active\nuploads_per_minute  0\n"));
    for _ in 0..3 {
        assert_eq!(api.send(&dry_run).await.status, 200, "the limit does not apply");
    }

    let (line, shown) = set("default").await;
    assert_eq!((line.get("value"), shown), (None, format!("{ACME}  acme  active\n")));
    // The requests above were not counted. If a new minute begins between the first and the second of these requests,
    // only the third is rejected.
    let statuses = [api.send(&dry_run).await.status, api.send(&dry_run).await.status, api.send(&dry_run).await.status];
    assert!(statuses[0] == 200 && statuses.contains(&429), "{statuses:?}");

    let trail = trail(&api, ACME).await;
    let [first, second] = &trail[..] else { panic!("{trail:?}") };
    assert_eq!((&first["event_type"], &first["limit"]), (&json!("org.limit"), &json!("uploads_per_minute")));
    assert_eq!((first.get("value"), second.get("value")), (Some(&json!(0)), None));
    for arguments in
        [["acme", "uploads", "1"], ["acme", "uploads_per_minute", "-1"], ["nobody", "uploads_per_minute", "1"]]
    {
        assert!(!admin(&api, &[&["org", "limit"], &arguments[..]].concat()).await.status.success());
    }
}
