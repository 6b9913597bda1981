use std::collections::BTreeSet;

use pack_upload::lambda::http::ErrorCode;
use serde_json::{Value, json};
use strum::VariantNames as _;

use super::{
    document::{DOCUMENT, expect_valid, resolve},
    request, send,
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

#[test]
fn the_document_has_the_crate_s_version() {
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
