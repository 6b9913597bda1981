//! An item that cannot be read affects its own pack and no other.

use aws_sdk_dynamodb::types::AttributeValue;
use pack_upload::identity::KeyTemplate;
use serde_json::{Value, json};
use test_support::packs::archive;

use super::{
    Answer,
    backend::{Backend, secret, with_credential},
    event,
};

async fn upload(backend: &Backend, name: &str, visibility: &str) -> String {
    let manifest = format!("name: {name}\nversion: 1.0.0\ndescription: For a test\n");
    let archive = archive(&[("pack.yaml", manifest.as_bytes()), ("behavior.md", b"hello")]);
    let answer = backend.upload(&[("archive", &archive), ("visibility", visibility.as_bytes())]).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn corrupt(backend: &Backend, id: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = backend.embedded.clients.dynamodb.update_item().table_name(&backend.embedded.options.table_name);
    let update = update.key("pk", text(&format!("PACK#{id}"))).key("sk", text("PACK"));
    let update = update.update_expression("SET image_digest = :no").expression_attribute_values(":no", text("no"));
    update.send().await.unwrap();
}

async fn get(backend: &Backend, slug: &str, id: &str) -> Answer {
    let mut event = with_credential(event("get"), secret(slug, KeyTemplate::ReadOnly).reveal());
    event["rawPath"] = json!(format!("/v1/packs/{id}"));
    backend.answer(&event).await
}

fn names(list: &Value) -> Vec<&str> {
    list["packs"].as_array().unwrap().iter().map(|pack| pack["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_corrupt_record_fails_its_own_get_and_nothing_else() {
    let backend = Backend::start().await;
    let valid = upload(&backend, "valid", "community").await;
    let corrupted = upload(&backend, "corrupted", "community").await;
    corrupt(&backend, &corrupted).await;
    for slug in ["acme", "pastdue"] {
        let list = backend.list_as(secret(slug, KeyTemplate::ReadOnly).reveal()).await;
        assert_eq!((list.status, names(&list.body)), (200, vec!["valid"]), "{slug}: {}", list.body);
        assert_eq!(get(&backend, slug, &valid).await.status, 200, "{slug}");
        let answer = get(&backend, slug, &corrupted).await;
        assert_eq!(answer.code(), (500, "internal_error"), "{slug}");
        assert!(!answer.body.to_string().contains("digest"), "the cause is only logged: {}", answer.body);
    }
    let another = upload(&backend, "another", "org").await;
    assert_eq!(get(&backend, "acme", &another).await.status, 200);
}
