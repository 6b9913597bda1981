//! Tests of changes to packs.

use reqwest::StatusCode;

use crate::support::{Archive, Local};

#[tokio::test]
async fn a_pack_becomes_visible_to_other_orgs_and_hidden_again() {
    let local = Local::start().await;
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
