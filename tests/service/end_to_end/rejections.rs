//! Tests that a rejected upload gets an error response with the reason, and writes nothing.

use reqwest::{StatusCode, header, multipart};
use serde_json::json;

use crate::support::{ApiResponse, Archive, BackendState, Local, form};

async fn post(local: &Local, key: Option<&str>, query: &str) -> ApiResponse {
    let mut request = local.request("POST", &format!("/v1/packs/upload{query}"));
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    ApiResponse::send(request.multipart(form(Archive::pack_named("rejected", "1.0.0").tar_gz()))).await
}

#[tokio::test]
async fn invalid_credentials_missing_permissions_and_inactive_billing_are_rejected() {
    let local = Local::start().await;
    let before = BackendState::from_local(&local).await;
    let key = local.key("acme");

    let wrong_secret = format!("{}{}", &key[..key.len() - 1], if key.ends_with('A') { 'E' } else { 'A' });
    for (query, credential) in [
        ("", None),
        ("", Some("sk_nonsense")),
        ("", Some("eyJhbGciOiJub25lIn0.e30.")),
        ("", Some("something-else")),
        ("", Some(wrong_secret.as_str())),
        (&*format!("?access_token={key}"), None),
        (&*format!("?token={key}"), Some(key.as_str())),
    ] {
        let response = post(&local, credential, query).await;
        response.expect_error(401, "unauthenticated");
        assert!(response.header("www-authenticate").starts_with("Bearer"));
        assert!(!response.body.to_string().contains("sk_"), "{}", response.body);
    }
    for template in ["submit_observe", "read_only"] {
        let key = local.setting(&format!("/keys/acme/{template}"));
        post(&local, Some(key), "").await.expect_error(403, "permission_denied");
    }
    for org in ["pastdue", "expired"] {
        post(&local, Some(&local.key(org)), "").await.expect_error(423, "billing_inactive");
        local.get(org, "/v1/packs").await.expect(StatusCode::OK);
    }
    assert_eq!(BackendState::from_local(&local).await, before);
    assert!(!local.log().contains(&key), "the log contains a secret");
}

#[tokio::test]
async fn unknown_routes_and_methods_are_rejected() {
    let local = Local::start().await;
    for (method, path, status, code, allow) in [
        ("GET", "/", 404, "not_found", None),
        ("POST", "/v1/packs/upload/", 404, "not_found", None),
        ("GET", "/v2/packs", 404, "not_found", None),
        ("GET", "/v1/packs/upload", 405, "method_not_allowed", Some("POST")),
        ("PUT", "/v1/packs", 405, "method_not_allowed", Some("GET")),
        ("PUT", "/v1/packs/pack_01J00000000000000000000000", 405, "method_not_allowed", Some("GET")),
    ] {
        let response = ApiResponse::send(local.request(method, path)).await;
        response.expect_error(status, code);
        if let Some(allow) = allow {
            assert!(response.header("allow").split(", ").any(|method| method == allow), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_malformed_request_is_rejected() {
    let local = Local::start().await;
    let before = BackendState::from_local(&local).await;
    let archive = || Archive::pack_named("rejected", "1.0.0").tar_gz();

    let send = |content_type: &'static str, body: Vec<u8>| {
        let request = local.request("POST", "/v1/packs/upload").bearer_auth(local.key("acme"));
        async move { ApiResponse::send(request.header(header::CONTENT_TYPE, content_type).body(body)).await }
    };
    send("application/gzip", archive()).await.expect_error(415, "unsupported_media_type");
    send("multipart/form-data", archive()).await.expect_error(400, "validation_error");
    send("multipart/form-data; boundary=x", archive()).await.expect_error(400, "validation_error");

    let fields = |response: &ApiResponse| -> Vec<String> {
        let error = response.expect_error(400, "validation_error");
        error["details"]["fields"].as_object().unwrap().keys().cloned().collect()
    };
    let without = multipart::Form::new().text("visibility", "org");
    assert_eq!(fields(&local.send_form("acme", "", without).await), ["archive"]);
    let several = form(archive())
        .text("visibility", "everyone")
        .text("note", "?")
        .part("archive", multipart::Part::bytes(archive()));
    assert_eq!(
        fields(&local.send_form("acme", "?dry_run=maybe&x=1", several).await),
        ["archive", "dry_run", "note", "visibility", "x"]
    );
    let twice = form(archive()).text("visibility", "org").text("visibility", "org");
    assert_eq!(fields(&local.send_form("acme", "", twice).await), ["visibility"]);
    assert_eq!(BackendState::from_local(&local).await, before);
}

#[tokio::test]
async fn every_problem_with_a_pack_is_reported() {
    let local = Local::start().await;
    let before = BackendState::from_local(&local).await;
    let archive = Archive::new()
        .file("pack.yaml", "name: Bad_Name\nversion: 1.10\ndescripton: x\n")
        .symlink("data/link", "/etc/passwd")
        .file("notes.txt", "?")
        .tar_gz();
    let expected = json!({
        "archive": [
            "entry `data/link` at byte 1024 is a symbolic link, which is not allowed; archive what it points to \
             (`tar --dereference --hard-dereference`, `bsdtar -L`), or replace the link with a copy of the file",
            "`notes.txt` is not allowed at the top of a pack; move it into one of `guides/`, `scripts/`, `data/`, \
             `templates/`, or remove it (files allowed at the top: `pack.yaml`, `behavior.md`, `README.md`, \
             `CHANGELOG.md`, `LICENSE*`, `LICENCE*`, `COPYING*`, `NOTICE*`, `THIRD_PARTY_NOTICES*`)",
        ],
        "pack.yaml": ["line 3: `descripton` is not a valid key here: did you mean `description`?"],
        "pack.yaml: description": [
            "is missing; must be text that says what the pack is for; rename `descripton` to `description`",
        ],
        "pack.yaml: name": [
            "line 1: `Bad_Name` must start with a lower-case letter and contain only lower-case letters, digits and \
             single hyphens between them: did you mean `bad-name`?",
        ],
        "pack.yaml: version": [
            "line 2: `1.10` is a number, not text, and is not a semantic version such as `1.2.3` or `1.2.3-beta.1` \
             (unexpected end of input while parsing minor version number); write `version: \"1.10.0\"`",
        ],
    });

    for query in ["", "?dry_run=true"] {
        let response = local.upload_as("acme", query, archive.clone()).await;
        let error = response.expect_error(400, "validation_error");
        assert_eq!(error["details"]["fields"], expected);
    }
    assert_eq!(BackendState::from_local(&local).await, before);
}

#[tokio::test]
async fn the_rejection_of_an_oversized_pack_names_the_limit() {
    let local = Local::start_with(&[("LIMIT_ENTRIES", "3")]).await;
    let before = BackendState::from_local(&local).await;

    let mut noise = vec![0; 4_600_000];
    getrandom::fill(&mut noise).unwrap();
    let too_many_bytes = Archive::pack_named("large", "1.0.0").file("data/noise", noise).tar_gz();
    assert!(too_many_bytes.len() > 4_500_000, "{}", too_many_bytes.len());
    let response = local.upload(too_many_bytes).await;
    let error = response.expect_error(413, "payload_too_large");
    assert_eq!(error["details"]["limit"], json!({"name": "compressed_bytes", "value": 4_500_000}));
    assert!(error["message"].as_str().unwrap().contains("4500000"), "{error}");

    let mut many = Archive::pack_named("large", "1.0.0");
    for index in 0..3 {
        many = many.file(format!("data/{index}"), "x");
    }
    let response = local.upload(many.tar_gz()).await;
    let error = response.expect_error(413, "payload_too_large");
    assert_eq!(error["details"]["limit"], json!({"name": "entries", "value": 3}));
    assert_eq!(BackendState::from_local(&local).await, before);
}
