use std::time::Duration;

use crate::{
    archive, folder,
    process::{Local, command},
    settled,
};

#[tokio::test]
async fn after_a_kill_nothing_is_lost_and_outstanding_builds_are_done_at_once() {
    let folder = folder();
    // A push that takes longer than a millisecond is given up and tried again later: every build stays outstanding.
    let local = Local::start(folder.path(), &[("PUSH_TIMEOUT_MS", "1")]);
    let mut created = Vec::new();
    for name in ["one", "two", "three"] {
        let (status, record) = local.upload("acme", archive(name)).await;
        assert_eq!(status, 201, "{record}");
        created.push(record);
    }
    let id = created[0]["id"].as_str().expect("an id");
    assert_eq!(settled(&local, id, Duration::from_secs(1)).await["build_status"], "queued");
    let before = local.document.clone();
    local.kill();

    let local = Local::start(folder.path(), &[]);
    assert_eq!(local.document["registry"], before["registry"]);
    assert_eq!(local.document["endpoints"], before["endpoints"]);
    assert_eq!(local.document["keys"], before["keys"]);
    for record in created {
        let id = record["id"].as_str().expect("an id");
        let now = settled(&local, id, Duration::from_secs(30)).await;
        assert_eq!(now["build_status"], "ready", "{now}");
        assert_eq!(now["image_ref"], record["image_ref"]);
    }
    let (status, list) = local.get("/v1/packs").await;
    assert_eq!((status, list["packs"].as_array().map(Vec::len)), (200, Some(3)));
}

#[tokio::test]
async fn a_second_run_on_the_same_folder_says_why_it_ends_and_harms_nothing() {
    let folder = folder();
    let local = Local::start(folder.path(), &[]);
    let second = command(folder.path()).stderr(std::process::Stdio::piped()).output().expect("it runs");
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("in use by another local run"), "{said}");
    assert!(folder.path().join("local.json").exists());
    assert_eq!(local.get("/v1/packs").await.0, 200);
}
