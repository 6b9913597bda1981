//! Tests that read and list packs.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Archive, Local, form};

async fn names(local: &Local, org: &str, query: &str) -> Vec<String> {
    let response = local.get(org, &format!("/v1/packs{query}")).await;
    response.expect(StatusCode::OK);
    let packs = response.body["packs"].as_array().unwrap();
    packs
        .iter()
        .map(|pack| format!("{} {}", pack["name"].as_str().unwrap(), pack["version"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_community_pack_is_visible_to_every_org_and_an_org_pack_only_to_its_own() {
    let local = Local::start().await;
    let private = local.upload(Archive::pack_named("private", "1.0.0").tar_gz()).await;
    let shared = form(Archive::pack_named("shared", "1.0.0").tar_gz()).text("visibility", "community");
    let shared = local.send_form("acme", "", shared).await;
    shared.expect(StatusCode::CREATED);

    local.wait_for_build("acme", shared.text("id")).await;

    let path = |id: &str| format!("/v1/packs/{id}");
    let theirs = local.get("globex", &path(shared.text("id"))).await;
    theirs.expect(StatusCode::OK);
    assert_eq!(theirs.body["owned"], Value::Bool(false));
    for absent in ["org_id", "image_ref", "archive_sha256", "uploaded_by"] {
        assert_eq!((theirs.body.get(absent), shared.body.get(absent).is_some()), (None, true), "{absent}");
    }
    assert_eq!(theirs.text("layer_digest"), shared.text("layer_digest"));
    let mine = local.get("acme", &path(shared.text("id"))).await;
    assert_eq!((&mine.body["owned"], mine.text("org_id")), (&Value::Bool(true), shared.text("org_id")));

    // A pack that the caller is not allowed to see, an unknown id and a malformed id get the same response.
    let hidden = local.get("globex", &path(private.text("id"))).await;
    let absent = local.get("globex", "/v1/packs/pack_01J00000000000000000000000").await;
    let malformed = local.get("globex", "/v1/packs/nonsense").await;
    for response in [&hidden, &absent, &malformed] {
        response.expect_error(404, "pack_not_found");
        assert_eq!(response.body["error"]["message"], hidden.body["error"]["message"]);
    }
    assert_eq!(names(&local, "globex", "").await, ["shared 1.0.0"]);
    assert_eq!(names(&local, "acme", "").await, ["shared 1.0.0", "private 1.0.0"]);
    // Reading requires neither a permission nor active billing.
    local.get("pastdue", &path(shared.text("id"))).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn lists_are_newest_first_and_paginated() {
    let local = Local::start().await;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        local.upload(Archive::pack_named("one", version).tar_gz()).await.expect(StatusCode::CREATED);
        let two = form(Archive::pack_named("two", version).tar_gz()).text("visibility", "community");
        let two = local.send_form("globex", "", two).await;
        two.expect(StatusCode::CREATED);
        local.wait_for_build("globex", two.text("id")).await;
    }
    let all = ["two 1.2.0", "one 1.2.0", "two 1.1.0", "one 1.1.0", "two 1.0.0", "one 1.0.0"];
    assert_eq!(names(&local, "acme", "").await, all);
    assert_eq!(names(&local, "acme", "?name=one").await, ["one 1.2.0", "one 1.1.0", "one 1.0.0"]);
    assert_eq!(names(&local, "acme", "?name=two&version=1.1.0").await, ["two 1.1.0"]);
    assert!(names(&local, "acme", "?name=three").await.is_empty());

    for (limit, filter) in [(1, ""), (2, ""), (4, ""), (6, ""), (100, ""), (2, "&name=one")] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let response = local.get("acme", &format!("/v1/packs?limit={limit}{filter}{cursor}")).await;
            response.expect(StatusCode::OK);
            let packs = response.body["packs"].as_array().unwrap();
            assert!(packs.len() <= limit);
            seen.extend(packs.iter().map(|pack| pack["id"].as_str().unwrap().to_owned()));
            match response.body.get("next_cursor") {
                Some(next) => cursor = format!("&cursor={}", next.as_str().unwrap()),
                None => break,
            }
        }
        let expected = local.get("acme", &format!("/v1/packs?limit=100{filter}")).await;
        let expected: Vec<_> = expected.body["packs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pack| pack["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(seen, expected, "limit={limit}{filter}");
    }
}

#[tokio::test]
async fn invalid_query_parameters_are_rejected() {
    let local = Local::start().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=nonsense", "cursor"),
        ("name=Not_A_Name", "name"),
        ("version=one", "version"),
        ("version=1.0.0", "version"),
        ("owned=1", "owned"),
        ("visibility=all", "visibility"),
        ("page=2", "page"),
    ] {
        let response = local.get("acme", &format!("/v1/packs?{query}")).await;
        let error = response.expect_error(400, "validation_error");
        let fields: Vec<_> = error["details"]["fields"].as_object().unwrap().keys().collect();
        assert_eq!(fields, [field], "{query}: {error}");
    }
    let response = local.request("GET", "/v1/packs").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}
