//! Tests for visibility changes and deletions.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{ApiResponse, Archive, BackendState, DockerOptions, DockerRegistry, Local, RepositoryClient};

#[tokio::test]
async fn a_pack_becomes_visible_to_other_orgs_and_hidden_again() {
    let local = Local::start_with(&[("COMMUNITY_CACHE_MS", "0")]).await;
    let pack = local.upload(Archive::pack_named("tools", "1.0.0").tar_gz()).await;
    let id = pack.text("id");
    let path = format!("/v1/packs/{id}");
    local.wait_for_build("acme", id).await;
    local.get("globex", &path).await.expect_error(404, "pack_not_found");
    local.set_visibility("globex", id, "community").await.expect_error(404, "pack_not_found");

    local.set_visibility("acme", id, "community").await.expect(StatusCode::OK);
    local.get("globex", &path).await.expect(StatusCode::OK);
    let list = local.get("globex", "/v1/packs").await;
    assert_eq!(list.body["packs"][0]["id"], id);

    local.set_visibility("acme", id, "org").await.expect(StatusCode::OK);
    local.get("globex", &path).await.expect_error(404, "pack_not_found");
    assert_eq!(local.get("globex", "/v1/packs").await.body["packs"].as_array().unwrap().len(), 0);
}

fn tools(behavior: &str) -> Vec<u8> {
    Archive::pack_named("tools", "1.0.0").file("behavior.md", behavior).tar_gz()
}

/// Uploads a pack and waits until its build is no longer queued.
pub(super) async fn build(local: &Local, archive: Vec<u8>) -> ApiResponse {
    let created = local.upload(archive).await;
    created.expect(StatusCode::CREATED);
    local.wait_for_build("acme", created.text("id")).await;
    created
}

/// Asserts that the registry has the image by tag and by digest, and lists the tag. If `exists` is false, asserts the
/// opposite of all three.
pub(super) async fn expect_image(local: &Local, record: &Value, exists: bool) {
    let image_ref = record["image_ref"].as_str().unwrap();
    let (name, tag) = image_ref.split_once('/').unwrap().1.split_once(':').unwrap();
    let repository = RepositoryClient::new(&local.setting("/registry").parse().unwrap(), name);
    let digest = record["image_digest"].as_str().unwrap();
    for reference in [tag, digest] {
        let found = repository.manifest(reference).await.map(|(digest, _)| digest);
        assert_eq!(found.as_deref(), exists.then_some(digest), "{reference}");
    }
    let tags = repository.tags().await;
    assert_eq!(tags.iter().any(|found| found == tag), exists, "{tags:?}");
}

/// Starts `local` with its embedded registry, and another `local` with Docker's registry if that is installed.
pub(super) async fn start_with_each_registry() -> Vec<(Local, Option<DockerRegistry>)> {
    let mut started = vec![(Local::start().await, None)];
    if let Some(docker) = DockerRegistry::start(DockerOptions { needs_password: false, deletes: true }).await {
        let address = docker.address.to_string();
        started.push((Local::start_with(&[("REGISTRY", &address)]).await, Some(docker)));
    }
    started
}

#[tokio::test]
async fn a_deleted_pack_cannot_be_pulled() {
    for (local, _registry) in start_with_each_registry().await {
        let pack = build(&local, tools("hello")).await;
        let id = pack.text("id");
        expect_image(&local, &pack.body, true).await;
        local.delete("globex", id).await.expect_error(404, "pack_not_found");

        let deleted = local.delete("acme", id).await;
        assert_eq!((deleted.status, &deleted.body), (StatusCode::OK, &json!({"status": "deleted"})));
        expect_image(&local, &pack.body, false).await;
        local.get("acme", &format!("/v1/packs/{id}")).await.expect_error(404, "pack_not_found");
        local.delete("acme", id).await.expect_error(404, "pack_not_found");
        let state = BackendState::from_local(&local).await;
        assert_eq!(state.pack_items.len(), 1, "the version claim: {state:?}");
        assert!(state.pending.is_empty());
    }
}

#[tokio::test]
async fn a_deleted_version_accepts_only_the_same_content_again() {
    let local = Local::start().await;
    let pack = build(&local, tools("hello")).await;
    local.delete("acme", pack.text("id")).await.expect(StatusCode::OK);

    for query in ["", "?dry_run=true"] {
        let other = local.upload_as("acme", query, tools("other")).await;
        let error = other.expect_error(409, "version_exists");
        let details = json!({"layer_digest": pack.body["layer_digest"], "differs": ["content"]});
        assert_eq!(error["details"], details);
        assert_eq!(
            error["message"],
            "this version was published with different content and then deleted; the content of a version cannot \
             change, so upload the pack under a new version"
        );
    }
    local.upload_as("acme", "?dry_run=true", tools("hello")).await.expect(StatusCode::OK);
    let again = build(&local, tools("hello")).await;
    assert_ne!(again.text("id"), pack.text("id"));
    assert_eq!(again.text("image_digest"), pack.text("image_digest"));
    expect_image(&local, &again.body, true).await;
    local.upload(tools("other")).await.expect_error(409, "version_exists");
}

#[tokio::test]
async fn a_version_that_was_never_published_accepts_other_content_after_its_deletion() {
    // The timeout is so short that every push fails.
    let variables = [("PUSH_TIMEOUT_MS", "1"), ("PURGE_WAIT_MS", "100"), ("BUILD_LEASE_MS", "1")];
    let local = Local::start_with(&variables).await;
    let pack = local.upload(tools("hello")).await;
    pack.expect(StatusCode::CREATED);
    local.delete("acme", pack.text("id")).await.expect_error(502, "registry_cleanup_failed");

    let local = Local::start_in(local.kill(), &[]).await;
    let deleted = local.delete("acme", pack.text("id")).await;
    assert!([StatusCode::OK, StatusCode::NOT_FOUND].contains(&deleted.status), "{}", deleted.body);
    let other = build(&local, tools("other")).await;
    expect_image(&local, &other.body, true).await;
}

#[tokio::test]
async fn a_pack_deleted_right_after_its_upload_cannot_be_pulled() {
    let local = Local::start().await;
    let pack = local.upload(tools("hello")).await;
    pack.expect(StatusCode::CREATED);
    local.delete("acme", pack.text("id")).await.expect(StatusCode::OK);
    expect_image(&local, &pack.body, false).await;
}

#[tokio::test]
async fn a_pinned_pack_cannot_be_deleted_until_it_is_unpinned() {
    let local = Local::start().await;
    let pack = build(&local, tools("hello")).await;
    let id = pack.text("id");
    assert!(local.admin(&["pack", "pin", id, "role/1"]).status.success());
    let error = local.delete("acme", id).await;
    assert_eq!(error.expect_error(409, "pack_in_use")["details"], json!({"references": 1}));
    expect_image(&local, &pack.body, true).await;
    let read = local.get("acme", &format!("/v1/packs/{id}")).await;
    assert_eq!(read.text("build_status"), "ready");

    assert!(local.admin(&["pack", "unpin", id, "role/1"]).status.success());
    local.delete("acme", id).await.expect(StatusCode::OK);
    expect_image(&local, &pack.body, false).await;
}

#[tokio::test]
async fn a_deletion_finishes_after_an_outage_even_if_the_client_does_not_retry() {
    let local = Local::start().await;
    let (first, second) = (build(&local, tools("hello")).await, Archive::pack_named("other", "1.0.0").tar_gz());
    let second = build(&local, second).await;

    // The timeout is so short that every call to the registry fails.
    let variables = [("PUSH_TIMEOUT_MS", "1"), ("PURGE_WAIT_MS", "500"), ("BUILD_LEASE_MS", "1")];
    let local = Local::start_in(local.kill(), &variables).await;
    for pack in [&first, &second] {
        local.delete("acme", pack.text("id")).await.expect_error(502, "registry_cleanup_failed");
        let found = local.get("acme", &format!("/v1/packs/{}", pack.text("id"))).await;
        assert_eq!(found.text("build_status"), "deleting");
        local.upload(tools("hello")).await.expect_error(503, "unavailable");
    }

    // The embedded queues lose their messages on restart, so requeue sends the purge jobs again.
    let local = Local::start_in(local.kill(), &[]).await;
    let repeated = local.delete("acme", first.text("id")).await;
    assert!([StatusCode::OK, StatusCode::NOT_FOUND].contains(&repeated.status), "{}", repeated.body);
    local.wait_until_gone("acme", second.text("id")).await;
    for pack in [&first, &second] {
        expect_image(&local, &pack.body, false).await;
    }
}
