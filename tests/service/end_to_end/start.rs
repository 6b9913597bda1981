//! Tests for what `local` prints and writes to `local.json` when it starts, and for the trace ids in its log.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Archive, Local, tool};

#[tokio::test]
async fn the_printed_command_uploads_the_sample_pack() {
    let local = Local::start().await;
    // `local` prints the command after it has written local.json.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !local.stdout().contains("/v1/packs/upload\n") && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let printed = local.stdout();
    assert!(printed.contains(local.setting("/url")), "{printed}");
    let Some(_) = tool("curl") else { return };
    let command = printed.lines().find(|line| line.contains("curl")).unwrap();
    let curl = Command::new("sh").args(["-c", command]).current_dir("/").output().unwrap();
    assert!(curl.status.success(), "{}", String::from_utf8_lossy(&curl.stdout));
    let created: Value = serde_json::from_slice(&curl.stdout).unwrap();
    assert_eq!(created["name"], "incident-response");
    let built = local.wait_for_build("acme", created["id"].as_str().unwrap()).await;
    assert_eq!(built["build_status"], "ready");
}

#[tokio::test]
async fn local_json_contains_addresses_names_and_keys() {
    let local = Local::start().await;
    for pointer in [
        "/url",
        "/issuer",
        "/endpoints/s3",
        "/endpoints/dynamodb",
        "/endpoints/sqs",
        "/build_queue_url",
        "/purge_queue_url",
    ] {
        assert!(local.setting(pointer).starts_with("http://127.0.0.1:"), "{pointer}: {}", local.setting(pointer));
    }
    assert!(local.setting("/registry").starts_with("127.0.0.1:"));
    assert!(!local.setting("/table_name").is_empty() && !local.setting("/staging_bucket").is_empty());
    let keys = local.document()["keys"].as_object().unwrap();
    assert_eq!(keys.keys().collect::<Vec<_>>(), ["acme", "expired", "globex", "pastdue"]);
    for keys in keys.values() {
        for template in ["full_access", "submit_observe", "read_only"] {
            assert!(keys[template].as_str().is_some_and(|key| key.starts_with("sk_")));
        }
    }
    for (org, status) in [("acme", 201), ("globex", 201), ("pastdue", 423), ("expired", 423)] {
        let response = local.upload_as(org, "", Archive::pack_named("keyed", "1.0.0").tar_gz()).await;
        response.expect(StatusCode::from_u16(status).unwrap());
    }
}

#[tokio::test]
async fn a_request_and_its_build_are_logged_with_the_same_trace() {
    let local = Local::start().await;
    let created = local.upload(Archive::pack_named("traced", "1.0.0").tar_gz()).await;
    local.wait_for_build("acme", created.text("id")).await;
    // Wait for the log too, because the builder marks the record as ready before it logs `build finished`.
    let began = Instant::now();
    let log = loop {
        let log = local.log();
        if log.contains("build finished") {
            break log;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let trace_id = |message: &str| {
        let line = log.lines().find(|line| line.contains(message)).unwrap();
        line.split_once("trace_id=\"").unwrap().1.split_once('"').unwrap().0
    };
    assert_eq!(trace_id("build finished"), trace_id("upload accepted"), "{log}");
}
