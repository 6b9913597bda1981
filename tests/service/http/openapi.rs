use std::collections::BTreeSet;

use pack_upload::lambda::http::ErrorCode;
use serde_json::{Map, Value, json};
use strum::VariantNames as _;
use test_support::archive::Archive;

use super::{
    document::{DOCUMENT, expect_valid, resolve},
    event, request, send,
    test_api::TestApi,
};

#[tokio::test]
async fn the_document_is_served_without_a_credential() {
    let response = send(&request("GET", "/v1/openapi.json")).await;
    assert_eq!((response.status, &response.body), (200, &*DOCUMENT));
    assert_eq!(response.header("content-type"), Some("application/json"));

    // The route ignores credentials and queries.
    let mut with_more = request("GET", "/v1/openapi.json");
    with_more["headers"]["authorization"] = json!("Bearer sk_nonsense");
    with_more["rawQueryString"] = json!("v=2");
    assert_eq!(super::send(&with_more).await.status, 200);
}

#[tokio::test]
async fn the_schema_of_pack_yaml_is_served_without_a_credential() {
    let response = send(&request("GET", "/v1/pack.schema.json")).await;
    let expected: Value = serde_json::from_str(pack_format::MANIFEST_SCHEMA).unwrap();
    assert_eq!((response.status, &response.body), (200, &expected));
    assert_eq!(response.header("content-type"), Some("application/json"));
}

#[test]
fn the_document_has_the_version_of_the_crate() {
    assert_eq!(DOCUMENT["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn examples_match_their_schemas() {
    let mut checked = 0;
    walk(&DOCUMENT, "#", &mut |node, place| {
        let Some(schema) = node.get("schema") else { return };
        if place.contains("/multipart~form-data") || place.ends_with("/NoStore") {
            return;
        }
        let named = node["examples"].as_object().into_iter().flatten().map(|(_, example)| &resolve(example)["value"]);
        for example in named.chain(node.get("example")) {
            expect_valid(schema, example, place);
            checked += 1;
        }
    });
    assert!(checked > 40, "{checked}");
}

#[test]
fn the_document_lists_every_error_code() {
    let codes = DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let codes: BTreeSet<_> = codes.iter().map(|code| code.as_str().unwrap()).collect();
    assert_eq!(codes, ErrorCode::VARIANTS.iter().copied().collect());
}

#[test]
fn every_error_code_has_an_example() {
    let mut exemplified = BTreeSet::new();
    walk(&DOCUMENT, "#", &mut |node, _| {
        if let Some(code) = node.pointer("/value/error/code") {
            exemplified.insert(code.as_str().unwrap());
        }
    });
    assert_eq!(exemplified, ErrorCode::VARIANTS.iter().copied().collect());
}

/// Fields that the service sets. All other fields of a queued record, such as the example `Queued`, are keys of
/// `pack.yaml`.
const SET_BY_SERVICE: [&str; 17] = [
    "attested",
    "attestation_digest",
    "id",
    "org_id",
    "tier",
    "visibility",
    "image_origin",
    "image_ref",
    "image_digest",
    "layer_digest",
    "size_bytes",
    "archive_sha256",
    "uploaded_by",
    "created_at",
    "updated_at",
    "owned",
    "build_status",
];

/// Returns the fields of a record that come from the manifest.
fn manifest_fields(record: &Value) -> Map<String, Value> {
    let mut fields = record.as_object().unwrap().clone();
    fields.retain(|field, _| !SET_BY_SERVICE.contains(&field.as_str()));
    fields
}

#[test]
fn the_example_of_a_record_has_every_field() {
    let example = &DOCUMENT["components"]["examples"]["Queued"]["value"];
    for (field, _) in DOCUMENT["components"]["schemas"]["Release"]["properties"].as_object().unwrap() {
        assert!(example.get(field).is_some(), "{field}");
    }
}

#[tokio::test]
async fn a_record_has_every_key_of_its_manifest() {
    let example = manifest_fields(&DOCUMENT["components"]["examples"]["Queued"]["value"]);
    let yaml = |(key, value): (&String, &Value)| match key.as_str() {
        "suggested_packs" => format!("{key}: [{}]\n", value.as_str().unwrap()),
        "capabilities" => format!("{key}:\n{}", value.as_str().unwrap()),
        _ => format!("{key}: {value}\n"),
    };
    let manifest: String = example.iter().map(yaml).collect();
    let api = TestApi::start().await;
    let created = api.upload(&[("archive", &Archive::new().file("pack.yaml", manifest).tar_gz())]).await;
    assert_eq!((created.status, manifest_fields(&created.body)), (201, example));
    let mut get = event("get");
    get["rawPath"] = json!(created.header("location").unwrap());
    assert_eq!(api.send(&get).await.body, created.body);
}

fn walk(node: &'static Value, place: &str, visit: &mut impl FnMut(&'static Value, &str)) {
    visit(node, place);
    match node {
        Value::Object(members) => {
            for (key, member) in members {
                walk(member, &format!("{place}/{}", key.replace('/', "~")), visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, place, visit)),
        _ => {}
    }
}
