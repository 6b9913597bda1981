use reqwest::StatusCode;

use crate::support::{Archive, DockerOptions, DockerRegistry, HoldingProxy, Local, RepositoryClient};

/// A proxy holds back the push of the first pack until a second pack with the same name and version is ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_build_neither_moves_the_tag_of_another_pack_nor_leaves_its_image() {
    let docker = DockerRegistry::start(DockerOptions { needs_password: false, deletes: true }).await;
    let Some(docker) = docker else { return };
    let (proxy, address) = HoldingProxy::start(docker.address.to_string()).await;
    let registry = address.to_string();
    // A lease must last longer than the second pack's build. But the test must wait until the first build's lease has
    // expired, because only then does requeue mark that build as failed.
    let variables =
        [("REGISTRY", &*registry), ("BUILD_LEASE_MS", "8000"), ("REQUEUE_AFTER_MS", "10000"), ("MAX_TRIES", "1")];
    let local = Local::start_with(&variables).await;
    let pack = |behavior| Archive::pack_named("tools", "1.0.0").file("behavior.md", behavior).tar_gz();

    let first = local.upload(pack("First.")).await;
    first.expect(StatusCode::CREATED);
    proxy.held.notified().await;
    assert_eq!(local.wait_for_build("acme", first.text("id")).await["build_status"], "failed");

    let second = local.upload(pack("Second.")).await;
    second.expect(StatusCode::CREATED);
    assert_eq!(local.wait_for_build("acme", second.text("id")).await["build_status"], "ready");

    proxy.release.notify_one();
    local.wait_for_log("Dropped").await;
    let repository = RepositoryClient::new(&docker.address, "acme/tools");
    assert_eq!(repository.manifest(first.text("image_digest")).await, None);
    let (tagged, _) = repository.manifest("1.0.0").await.unwrap();
    assert_eq!(tagged, second.text("image_digest"));
}
