//! Tests that kill, interrupt and restart `local`.

use std::time::Duration;

use reqwest::StatusCode;
use tempfile::TempDir;

use crate::support::{Archive, Local};

#[tokio::test]
async fn a_killed_local_loses_nothing_and_resumes_pending_builds_on_restart() {
    let local = Local::start().await;
    let done = local.upload(Archive::pack_named("done", "1.0.0").tar_gz()).await;
    local.wait_for_build("acme", done.text("id")).await;

    // With this timeout, every push fails and is retried later, so all builds remain pending.
    let local = Local::start_in(local.kill(), &[("PUSH_TIMEOUT_MS", "1")]).await;
    let mut pending = Vec::new();
    for index in 0..5 {
        let response = local.upload(Archive::pack_named("pending", &format!("1.0.{index}")).tar_gz()).await;
        response.expect(StatusCode::CREATED);
        pending.push(response);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let read = local.get("acme", &format!("/v1/packs/{}", pending[0].text("id"))).await;
    assert_eq!(read.body["build_status"], "queued");
    let before = local.document().clone();

    let local = Local::start_in(local.kill(), &[]).await;
    for field in ["endpoints", "registry", "issuer", "keys"] {
        assert_eq!(local.document()[field], before[field], "{field}");
    }
    let read = local.get("acme", &format!("/v1/packs/{}", done.text("id"))).await;
    assert_eq!(read.body["build_status"], "ready");
    for response in pending {
        let built = local.wait_for_build("acme", response.text("id")).await;
        assert_eq!(built["build_status"], "ready", "{built}");
        let (name, tag) = response.text("image_ref").split_once('/').unwrap().1.split_once(':').unwrap();
        let url = format!("http://{}/v2/{name}/manifests/{tag}", local.setting("/registry"));
        let manifest = reqwest::get(url).await.unwrap();
        assert_eq!(manifest.headers()["docker-content-digest"], response.text("image_digest"));
    }
    let list = local.get("acme", "/v1/packs").await;
    assert_eq!(list.body["packs"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn an_interrupt_stops_local_cleanly() {
    let local = Local::start().await;
    let (status, data) = local.interrupt();
    assert!(status.success(), "{status}");
    assert!(!data.path().join("local.json").exists());
}

#[tokio::test]
async fn a_second_run_on_the_same_data_directory_fails_and_explains_why() {
    let local = Local::start().await;
    let second = Local::command(local.data()).output().unwrap();
    assert!(!second.status.success());
    let stderr = String::from_utf8(second.stderr).unwrap();
    assert!(stderr.contains("in use by another local run"), "{stderr}");
    assert!(local.data().join("local.json").exists());
    local.get("acme", "/v1/packs").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn environment_variables_can_replace_every_backend() {
    let first = Local::start().await;
    let variables = [
        ("AWS_ENDPOINT_URL_S3", "/endpoints/s3"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "/endpoints/dynamodb"),
        ("AWS_ENDPOINT_URL_SQS", "/endpoints/sqs"),
        ("REGISTRY", "/registry"),
        ("TABLE_NAME", "/table_name"),
        ("STAGING_BUCKET", "/staging_bucket"),
    ];
    let queue = |pointer| first.setting(pointer).rsplit_once('/').unwrap().1;
    let mut variables = variables.map(|(variable, pointer)| (variable, first.setting(pointer))).to_vec();
    variables.extend([("BUILD_QUEUE", queue("/build_queue_url")), ("PURGE_QUEUE", queue("/purge_queue_url"))]);
    variables.extend([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local-secret")]);
    let second = Local::start_in(TempDir::new().unwrap(), &variables).await;
    for field in ["endpoints", "registry", "build_queue_url", "purge_queue_url"] {
        assert_eq!(second.document()[field], first.document()[field], "{field}");
    }

    let created = second.upload(Archive::pack_named("shared", "1.0.0").tar_gz()).await;
    created.expect(StatusCode::CREATED);
    assert_eq!(first.wait_for_build("acme", created.text("id")).await["build_status"], "ready");
    for name in ["s3", "registry", "dynamodb.sqlite"] {
        assert!(!second.data().join(name).exists(), "{name}");
    }
}
