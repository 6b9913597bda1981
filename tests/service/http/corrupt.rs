//! Tests that a corrupt record affects only its own pack.

use aws_sdk_dynamodb::types::AttributeValue;
use pack_upload::identity::KeyTemplate;
use serde_json::{Value, json};
use test_support::archive::Archive;

use super::{
    ApiResponse, event,
    test_api::{TestApi, secret, with_credential},
};

async fn upload(api: &TestApi, name: &str, visibility: &str) -> String {
    let archive = Archive::pack_named(name, "1.0.0").tar_gz();
    let response = api.upload(&[("archive", archive.as_slice()), ("visibility", visibility.as_bytes())]).await;
    assert_eq!(response.status, 201, "{}", response.body);
    response.body["id"].as_str().unwrap().to_owned()
}

async fn set(api: &TestApi, id: &str, attribute: &str, value: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = api.embedded.clients.dynamodb.update_item().table_name(&api.embedded.options.table_name);
    let update = update.key("pk", text(&format!("PACK#{id}"))).key("sk", text("PACK"));
    let update = update.update_expression("SET #name = :value").expression_attribute_names("#name", attribute);
    let update = update.expression_attribute_values(":value", text(value));
    update.send().await.unwrap();
}

async fn get(api: &TestApi, slug: &str, id: &str) -> ApiResponse {
    let mut event = with_credential(event("get"), secret(slug, KeyTemplate::ReadOnly).reveal());
    event["rawPath"] = json!(format!("/v1/packs/{id}"));
    api.send(&event).await
}

fn names(list: &Value) -> Vec<&str> {
    list["packs"].as_array().unwrap().iter().map(|pack| pack["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_corrupt_record_affects_only_requests_for_its_own_pack() {
    let api = TestApi::start().await;
    let valid = upload(&api, "valid", "community").await;
    let corrupted = upload(&api, "corrupted", "community").await;
    for id in [&valid, &corrupted] {
        set(&api, id, "build_status", "ready").await;
        set(&api, id, "community_packs", "COMMUNITY").await;
    }
    set(&api, &corrupted, "image_digest", "no").await;
    for slug in ["acme", "pastdue"] {
        let list = api.list_as(secret(slug, KeyTemplate::ReadOnly).reveal()).await;
        assert_eq!((list.status, names(&list.body)), (200, vec!["valid"]), "{slug}: {}", list.body);
        assert_eq!(get(&api, slug, &valid).await.status, 200, "{slug}");
        let response = get(&api, slug, &corrupted).await;
        assert_eq!(response.code(), (500, "internal_error"), "{slug}");
        assert!(!response.body.to_string().contains("digest"), "the cause is only logged: {}", response.body);
    }
    let another = upload(&api, "another", "org").await;
    assert_eq!(get(&api, "acme", &another).await.status, 200);
}
