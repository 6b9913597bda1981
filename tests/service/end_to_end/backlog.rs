//! Tests that one org's backlog does not delay another org, and that no job is sent twice.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;

use crate::support::{Archive, Embedded, Local, start_slow_registry};

/// The number of packs that `acme` uploads. Building all of them takes longer than `REQUEUE_AFTER_MS`, so some builds
/// become due while their jobs are still in the queue.
const BACKLOG: usize = 24;
/// The number of builds that `local` runs concurrently.
const WORKERS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_one_org_does_not_delay_another_org_and_each_job_is_sent_once() {
    let embedded = Embedded::start().await;
    let registry = embedded.backends.registry.to_string();
    let registry = start_slow_registry(registry, Duration::from_secs(1)).await.to_string();
    let local = Local::start_with(&[("REGISTRY", &registry), ("REQUEUE_AFTER_MS", "4000")]).await;
    let names: Vec<_> = (0..BACKLOG).map(|index| format!("backlog-{index}")).collect();
    let backlog = join_all(names.iter().map(|name| upload(&local, "acme", name))).await;

    let before = finished(&local).await;
    let other = upload(&local, "globex", "other").await;
    wait_until_ready(&local, "globex", &other).await;
    let meanwhile = finished(&local).await - before;
    assert!(meanwhile <= 2 * WORKERS, "it took the time of more than two builds: {meanwhile} others have finished");

    for (org, pack) in backlog.iter().map(|pack| ("acme", pack)).chain([("globex", &other)]) {
        wait_until_ready(&local, org, pack).await;
        let shown = String::from_utf8(local.admin(&["pack", "show", pack]).stdout).unwrap();
        let sends = shown.lines().find(|line| line.starts_with("sends")).unwrap();
        assert_eq!(sends.split_whitespace().nth(1), Some("1"), "{shown}");
    }
}

async fn upload(local: &Local, org: &str, name: &str) -> String {
    let created = local.upload_as(org, "", Archive::pack_named(name, "1.0.0").tar_gz()).await;
    created.expect(StatusCode::CREATED).text("id").to_owned()
}

async fn wait_until_ready(local: &Local, org: &str, id: &str) {
    assert_eq!(local.wait_for_build(org, id).await["build_status"], "ready");
}

/// Returns how many of `acme`'s builds have finished, including failed builds.
async fn finished(local: &Local) -> usize {
    let list = local.get("acme", "/v1/packs?owned=true").await;
    list.body["packs"].as_array().unwrap().iter().filter(|pack| pack["build_status"] != "queued").count()
}
