//! `local` is killed, stopped and started again.

use std::time::Duration;

use reqwest::StatusCode;
use tempfile::TempDir;

use crate::support::{Archive, Local};

#[tokio::test]
async fn nothing_is_lost_by_a_kill_and_outstanding_builds_are_done_at_once() {
    let local = Local::start().await;
    let done = local.upload(Archive::pack_named("done", "1.0.0").tar_gz()).await;
    local.built("acme", done.text("id")).await;

    // A push that takes longer than a millisecond is given up and tried again later: every build stays pending.
    let local = Local::start_in(local.kill(), &[("PUSH_TIMEOUT_MS", "1")]).await;
    let mut owed = Vec::new();
    for index in 0..5 {
        let answer = local.upload(Archive::pack_named("owed", &format!("1.0.{index}")).tar_gz()).await;
        answer.expect(StatusCode::CREATED);
        owed.push(answer);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let read = local.get("acme", &format!("/v1/packs/{}", owed[0].text("id"))).await;
    assert_eq!(read.body["build_status"], "queued");
    let before = local.document().clone();

    let local = Local::start_in(local.kill(), &[]).await;
    for field in ["endpoints", "registry", "issuer", "keys"] {
        assert_eq!(local.document()[field], before[field], "{field}");
    }
    let read = local.get("acme", &format!("/v1/packs/{}", done.text("id"))).await;
    assert_eq!(read.body["build_status"], "ready");
    for answer in owed {
        let built = local.built("acme", answer.text("id")).await;
        assert_eq!(built["build_status"], "ready", "{built}");
        let (name, tag) = answer.text("image_ref").split_once('/').unwrap().1.split_once(':').unwrap();
        let url = format!("http://{}/v2/{name}/manifests/{tag}", local.said("/registry"));
        let manifest = reqwest::get(url).await.unwrap();
        assert_eq!(manifest.headers()["docker-content-digest"], answer.text("image_digest"));
    }
    let list = local.get("acme", "/v1/packs").await;
    assert_eq!(list.body["packs"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn an_interrupt_ends_it_cleanly() {
    let local = Local::start().await;
    let (status, data) = local.interrupt();
    assert!(status.success(), "{status}");
    assert!(!data.path().join("local.json").exists());
}

#[tokio::test]
async fn a_second_run_on_the_same_folder_says_why_it_ends_and_harms_nothing() {
    let local = Local::start().await;
    let second = Local::command(local.data()).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("in use by another local run"), "{said}");
    assert!(local.data().join("local.json").exists());
    local.get("acme", "/v1/packs").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn each_backend_can_be_replaced_by_its_variable() {
    let one = Local::start().await;
    let variables = [
        ("AWS_ENDPOINT_URL_S3", "/endpoints/s3"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "/endpoints/dynamodb"),
        ("AWS_ENDPOINT_URL_SQS", "/endpoints/sqs"),
        ("REGISTRY", "/registry"),
        ("TABLE_NAME", "/table_name"),
        ("STAGING_BUCKET", "/staging_bucket"),
    ];
    let (_, queue) = one.said("/build_queue_url").rsplit_once('/').unwrap();
    let mut variables = variables.map(|(variable, pointer)| (variable, one.said(pointer))).to_vec();
    variables.push(("BUILD_QUEUE", queue));
    variables.extend([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local-secret")]);
    let two = Local::start_in(TempDir::new().unwrap(), &variables).await;
    for field in ["endpoints", "registry", "build_queue_url"] {
        assert_eq!(two.document()[field], one.document()[field], "{field}");
    }

    let created = two.upload(Archive::pack_named("shared", "1.0.0").tar_gz()).await;
    created.expect(StatusCode::CREATED);
    assert_eq!(one.built("acme", created.text("id")).await["build_status"], "ready");
    for name in ["s3", "registry", "dynamodb.sqlite"] {
        assert!(!two.data().join(name).exists(), "{name}");
    }
}
