use std::{process::Command, time::Duration};

use serde_json::Value;

use crate::{folder, process::Local, settled, tool};

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_command_uploads_the_sample_pack_whose_image_can_be_pulled() {
    let folder = folder();
    let local = Local::start(folder.path(), &[]);
    let document = local.document.clone();
    let (printed, status) = local.interrupt();
    assert!(status.success(), "{status}");
    assert!(!folder.path().join("local.json").exists());
    assert!(printed.contains(document["url"].as_str().expect("a URL")), "{printed}");
    let pasted = printed.lines().find(|line| line.contains("curl")).expect("a curl command");

    // The port was free a moment ago, and the command names it.
    let local = Local::start(folder.path(), &[]);
    let pasted =
        pasted.replace(document["url"].as_str().expect("a URL"), local.document["url"].as_str().expect("a URL"));
    let curl = Command::new("sh").args(["-c", &pasted]).current_dir("/").output().expect("sh");
    assert!(curl.status.success(), "{}", String::from_utf8_lossy(&curl.stdout));
    let created: Value = serde_json::from_slice(&curl.stdout).expect("a record");
    assert_eq!(created["build_status"], "queued");
    let record = settled(&local, created["id"].as_str().expect("an id"), Duration::from_secs(5)).await;
    assert_eq!(record["build_status"], "ready");
    assert_eq!(record["image_digest"], created["image_digest"]);

    let image = record["image_ref"].as_str().expect("a reference");
    assert!(image.starts_with(local.document["registry"].as_str().expect("a registry")), "{image}");
    let inspect = ["inspect", "--tls-verify=false", "--format={{.Digest}}", &format!("docker://{image}")];
    if let Some(digest) = tool("skopeo", &inspect) {
        assert_eq!(digest.trim(), created["image_digest"]);
    }
}

#[tokio::test]
async fn local_json_tells_all_that_a_script_needs() {
    let folder = folder();
    let local = Local::start(folder.path(), &[]);
    let document = &local.document;
    for url in [
        &document["url"],
        &document["endpoints"]["s3"],
        &document["endpoints"]["dynamodb"],
        &document["endpoints"]["sqs"],
    ] {
        assert!(url.as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:")), "{url}");
    }
    assert!(document["registry"].as_str().is_some_and(|registry| registry.starts_with("127.0.0.1:")));
    let keys = document["keys"].as_object().expect("keys");
    assert_eq!(keys.keys().collect::<Vec<_>>(), ["acme", "expired", "globex", "pastdue"]);
    for keys in keys.values() {
        for template in ["full_access", "submit_observe", "read_only"] {
            assert!(keys[template].as_str().is_some_and(|key| key.starts_with("sk_")));
        }
    }
    for (org, status) in [("acme", 400), ("globex", 400), ("pastdue", 423), ("expired", 423)] {
        assert_eq!(local.upload(org, Vec::new()).await.0, status, "{org}");
    }
}
