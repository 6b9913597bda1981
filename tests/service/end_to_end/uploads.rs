//! Tests for well-formed uploads: records, repeated uploads, conflicts and dry runs.

use pack_format::Digest;
use reqwest::{StatusCode, multipart};
use serde_json::{Value, json};

use test_support::archive::Header;

use crate::support::{Archive, BackendState, Local, form};

/// Returns a record without the fields that differ between runs.
fn stable(record: &Value) -> Value {
    let mut record = record.clone();
    for field in ["id", "created_at", "updated_at", "image_ref"] {
        record.as_object_mut().unwrap().remove(field);
    }
    record
}

const FULL_MANIFEST: &str = r#"
name: release-notes
version: 1.2.0-rc.1+build.7
description: |
  Writes release notes.
  In two lines.
display_name: Release notes
category: writing
suggested_packs: [changelog, git]
capabilities:
  - name: forge
    type: http
    allow:
      - domains: [api.example.com]
        methods: [GET]
"#;

#[tokio::test]
async fn an_upload_returns_the_complete_record_and_is_built() {
    let local = Local::start().await;
    let archive = Archive::new().file("pack.yaml", FULL_MANIFEST).file("guides/style.md", "# Style\n").tar_gz();

    let archive_sha256 = Digest::sha256(&archive).to_string();
    let created = local.upload(archive).await;
    created.expect(StatusCode::CREATED);
    assert!(created.text("uploaded_by").starts_with("key:"), "{}", created.body);
    let id = created.text("id");
    assert!(id.starts_with("pack_") && id.len() == 31, "{id}");
    assert_eq!(created.header("location"), format!("/v1/packs/{id}"));
    assert_eq!(
        created.text("image_ref"),
        format!("{}/acme/release-notes:1.2.0-rc.1_build.7", local.setting("/registry"))
    );
    let org_id = created.text("org_id");
    assert!(org_id.starts_with("org_"), "{org_id}");
    let mut expected = json!({
        "org_id": org_id,
        "name": "release-notes",
        "display_name": "Release notes",
        "version": "1.2.0-rc.1+build.7",
        "description": "Writes release notes.\nIn two lines.\n",
        "category": "writing",
        "tier": "community",
        "visibility": "org",
        "capabilities": created.text("capabilities"),
        "suggested_packs": "changelog,git",
        "image_origin": "upload",
        "image_digest": "sha256:95813a07a7d2259cccf408c4f17ea76e40582e29c20c04d88c17e18022fe242c",
        "layer_digest": "sha256:b400eeeb811819854cf312541b1b263fb7ec2aa33188f14b88730a187e8e2011",
        "size_bytes": 4107,
        "archive_sha256": archive_sha256,
        "uploaded_by": created.text("uploaded_by"),
        "owned": true,
        "build_status": "queued",
        "attested": false,
    });
    assert_eq!(stable(&created.body), expected);

    let built = local.wait_for_build("acme", id).await;
    expected["build_status"] = json!("ready");
    expected["attested"] = json!(true);
    expected["attestation_digest"] = built["attestation_digest"].clone();
    assert_eq!(stable(&built), expected);
    assert_eq!(built["created_at"], created.body["created_at"]);
    assert!(built["updated_at"].as_str() > created.body["updated_at"].as_str());
    assert_eq!(built["image_ref"], created.body["image_ref"]);

    let state = BackendState::from_local(&local).await;
    assert_eq!(state.pack_items.len(), 2, "a record and its version claim: {state:?}");
    assert!(state.pending.is_empty(), "{state:?}");
    assert!(state.repositories.contains("acme/release-notes"), "{state:?}");
}

#[tokio::test]
async fn absent_optional_fields_are_omitted_and_display_name_defaults_to_the_name() {
    let local = Local::start().await;
    let created = local.upload(Archive::pack_named("plain", "1.0.0").tar_gz()).await;
    created.expect(StatusCode::CREATED);
    assert_eq!(created.text("display_name"), "plain");
    for absent in ["category", "capabilities", "suggested_packs", "build_error"] {
        assert!(created.body.get(absent).is_none(), "{absent}: {}", created.body);
    }
}

#[tokio::test]
async fn the_same_content_archived_differently_returns_the_same_record() {
    let local = Local::start().await;
    let first = local
        .upload(Archive::pack_named("again", "1.0.0").file("guides/a.md", "a").file("scripts/b.sh", "b").tar_gz())
        .await;
    first.expect(StatusCode::CREATED);
    let other_archive = Archive::new()
        .entry(Header::ustar("wrapped/scripts/b.sh").mode(0o600), "b")
        .file("wrapped/.DS_Store", "ignored")
        .file("wrapped/guides/a.md", "a")
        .file("wrapped/pack.yaml", crate::support::manifest("again", "1.0.0"))
        .tar_gz();

    let second = local.upload(other_archive).await;
    second.expect(StatusCode::OK);
    assert_eq!((second.text("id"), second.text("image_digest")), (first.text("id"), first.text("image_digest")));
    local.wait_for_build("acme", first.text("id")).await;
    let third = local.upload_as("acme", "", Archive::pack_named("again", "2.0.0").tar_gz()).await;
    third.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_conflict_in_content_or_visibility_names_the_existing_pack() {
    let local = Local::start().await;
    let archive = || Archive::pack_named("taken", "1.0.0").file("data/a.txt", "one").tar_gz();
    let first = local.upload(archive()).await;
    first.expect(StatusCode::CREATED);
    local.wait_for_build("acme", first.text("id")).await;
    let before = BackendState::from_local(&local).await;

    let other_content = Archive::pack_named("taken", "1.0.0").file("data/a.txt", "two").tar_gz();
    let community = form(archive()).text("visibility", "community");
    for (conflict, differs) in [
        (local.upload(other_content.clone()).await, "content"),
        (local.upload_as("acme", "?dry_run=true", other_content).await, "content"),
        (local.send_form("acme", "", community).await, "visibility"),
    ] {
        let error = conflict.expect_error(409, "version_exists");
        let details = json!({
            "pack_id": first.text("id"),
            "layer_digest": first.text("layer_digest"),
            "image_digest": first.text("image_digest"),
            "differs": [differs],
        });
        assert_eq!(error["details"], details);
    }
    assert_eq!(BackendState::from_local(&local).await, before);

    // Another org can use the same name and version.
    local.upload_as("globex", "", archive()).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_dry_run_validates_and_writes_nothing() {
    let local = Local::start().await;
    let archive = || Archive::pack_named("dry", "1.0.0").tar_gz();
    let before = BackendState::from_local(&local).await;
    let checked = local.upload_as("acme", "?dry_run=true", archive()).await;
    checked.expect(StatusCode::OK);
    assert_eq!(BackendState::from_local(&local).await, before);
    for absent in ["id", "created_at", "updated_at", "build_status"] {
        assert!(checked.body.get(absent).is_none(), "{absent}: {}", checked.body);
    }

    let created = local.upload_as("acme", "?dry_run=false", archive()).await;
    created.expect(StatusCode::CREATED);
    assert_eq!(checked.text("image_digest"), created.text("image_digest"));
    assert_eq!(checked.text("image_ref"), created.text("image_ref"));
    local.upload_as("acme", "?dry_run=true", archive()).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn the_archive_may_have_any_file_name_and_content_type() {
    let local = Local::start().await;
    for (version, name, content_type) in
        [("1.0.0", "x.zip", "text/plain"), ("1.0.1", "päck", "application/octet-stream"), ("1.0.2", "", "a/b")]
    {
        let archive = Archive::pack_named("typed", version).tar_gz();
        let part = multipart::Part::bytes(archive).file_name(name).mime_str(content_type).unwrap();
        let form = multipart::Form::new().text("visibility", "org").part("archive", part);
        local.send_form("acme", "", form).await.expect(StatusCode::CREATED);
    }
}
