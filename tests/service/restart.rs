//! `local` is killed, stopped and started again.

use std::process::Command;

use reqwest::StatusCode;

use crate::support::{Local, PackArchive, run};

#[tokio::test]
async fn nothing_is_lost_by_a_kill() {
    let local = Local::start().await;
    let done = local.upload(PackArchive::new("done", "1.0.0").finish()).await;
    local.built("acme", done.text("id")).await;
    let mut owed = Vec::new();
    for index in 0..10 {
        let answer = local.upload(PackArchive::new("owed", &format!("1.0.{index}")).finish()).await;
        answer.expect(StatusCode::CREATED);
        owed.push(answer);
    }
    let registry = local.said("/registry").to_owned();

    let local = Local::start_in(local.kill(), &[]).await;
    assert_eq!(local.said("/registry"), registry, "image references name the registry's port");
    let read = local.get("acme", &format!("/v1/packs/{}", done.text("id"))).await;
    assert_eq!(read.body["build_status"], "ready");
    for answer in owed {
        let built = local.built("acme", answer.text("id")).await;
        assert_eq!(built["build_status"], "ready", "{built}");
        let (name, tag) = answer.text("image_ref").split_once('/').unwrap().1.split_once(':').unwrap();
        let manifest = reqwest::get(format!("http://{registry}/v2/{name}/manifests/{tag}")).await.unwrap();
        assert_eq!(manifest.headers()["docker-content-digest"], answer.text("image_digest"));
    }
}

#[tokio::test]
async fn an_interrupt_ends_it_cleanly() {
    let mut local = Local::start().await;
    run(Command::new("kill").args(["-INT", &local.pid().to_string()]));
    assert!(local.wait().success());
}
