//! Tests for image manifests, tags and referrers, for the lists of tags and repositories, and for the errors for
//! unknown or invalid names and references.

use pack_format::Digest;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::support::{Api, error, header};

const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

async fn put(api: &Api, path: &str, manifest: impl Into<reqwest::Body>) -> Response {
    // The registry must ignore the parameters of a media type.
    let content_type = format!("{MEDIA_TYPE}; charset=utf-8");
    api.request(Method::PUT, path).header("content-type", content_type).body(manifest).send().await.unwrap()
}

fn manifest(config: &str, layer: &str) -> String {
    let descriptor = |digest| json!({"mediaType": "application/octet-stream", "digest": digest, "size": 5});
    json!({"schemaVersion": 2, "config": descriptor(config), "layers": [descriptor(layer)]}).to_string()
}

#[tokio::test]
async fn a_manifest_is_served_byte_for_byte_by_tag_and_by_digest() {
    let api = Api::start().await;
    let manifest = format!(" {}\n", manifest(&api.push("a", b"config").await, &api.push("a", b"layer").await));
    let digest = Digest::sha256(manifest.as_bytes()).to_string();
    for reference in ["1.0.0_build.1", "_", &digest] {
        let response = put(&api, &format!("/v2/acme/tools/manifests/{reference}"), manifest.clone()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(header(&response, "location"), format!("/v2/acme/tools/manifests/{digest}"));
        assert_eq!(header(&response, "docker-content-digest"), digest);
    }
    for reference in ["1.0.0_build.1", "_", &digest] {
        for method in [Method::HEAD, Method::GET] {
            let path = format!("/v2/acme/tools/manifests/{reference}");
            let response = api.request(method.clone(), &path).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(header(&response, "content-length"), manifest.len().to_string());
            assert_eq!(header(&response, "content-type"), MEDIA_TYPE);
            assert_eq!(header(&response, "docker-content-digest"), digest);
            let body = response.text().await.unwrap();
            assert_eq!(body, if method == Method::HEAD { "" } else { &manifest });
        }
    }
    // The manifest does not exist in another repository.
    let elsewhere = api.get(&format!("/v2/acme/manifests/{digest}")).await;
    assert_eq!(error(elsewhere).await, (404, "MANIFEST_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_tag_can_be_moved_and_an_index_must_refer_to_existing_manifests() {
    let api = Api::start().await;
    let (config, layer) = (api.push("acme/tools", b"config").await, api.push("acme/tools", b"layer").await);
    let mut digests = Vec::new();
    for layer in [&layer, &config] {
        let response = put(&api, "/v2/acme/tools/manifests/latest", manifest(&config, layer)).await;
        digests.push(header(&response, "docker-content-digest").to_owned());
    }
    let latest = api.get("/v2/acme/tools/manifests/latest").await;
    assert_eq!(header(&latest, "docker-content-digest"), digests[1]);
    let first = api.get(&format!("/v2/acme/tools/manifests/{}", digests[0])).await;
    assert_eq!(first.text().await.unwrap(), manifest(&config, &layer));

    let index = |digest: &str| {
        json!({"schemaVersion": 2, "manifests": [{"mediaType": MEDIA_TYPE, "digest": digest, "size": 5}]}).to_string()
    };
    let response = put(&api, "/v2/acme/tools/manifests/all", index(&digests[0])).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let response = put(&api, "/v2/acme/tools/manifests/all", index(&Digest::sha256(b"").to_string())).await;
    assert_eq!(error(response).await, (400, "MANIFEST_BLOB_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_rejected_manifest_leaves_no_file() {
    let api = Api::start().await;
    let blob = api.push("acme/tools", b"hello").await;
    let files = api.files();
    let (absent, valid) = (Digest::sha256(b"absent").to_string(), manifest(&blob, &blob));
    let latest = "/v2/acme/tools/manifests/latest";
    let by_digest = format!("/v2/acme/tools/manifests/{absent}");
    for (path, content, expected) in [
        (latest, manifest(&absent, &blob), (400, "MANIFEST_BLOB_UNKNOWN")),
        (latest, manifest(&blob, &absent), (400, "MANIFEST_BLOB_UNKNOWN")),
        (latest, manifest("sha256:../../x", &blob), (400, "MANIFEST_INVALID")),
        (latest, "hello".to_owned(), (400, "MANIFEST_INVALID")),
        (latest, String::new(), (400, "MANIFEST_INVALID")),
        (latest, "[".repeat(100_000), (400, "MANIFEST_INVALID")),
        (latest, format!("{valid}{}", " ".repeat(4 << 20)), (413, "MANIFEST_INVALID")),
        (&by_digest, valid.clone(), (400, "DIGEST_INVALID")),
    ] {
        let (status, code) = error(put(&api, path, content).await).await;
        assert_eq!((status, &*code), expected);
    }
    let untyped = api.request(Method::PUT, latest).body(valid).send().await.unwrap();
    assert_eq!(error(untyped).await, (400, "MANIFEST_INVALID".to_owned()));
    assert_eq!(api.files(), files);
}

#[tokio::test]
async fn tag_and_repository_lists_are_sorted_and_paginated() {
    let api = Api::start().await;
    assert_eq!(api.get("/v2/_catalog").await.text().await.unwrap(), r#"{"repositories":[]}"#);
    let blob = api.push("acme/tools", b"hello").await;
    for tag in ["b", "1.0.0", "a", "B"] {
        put(&api, &format!("/v2/acme/tools/manifests/{tag}"), manifest(&blob, &blob)).await;
    }
    for (query, expected) in [
        ("", &["1.0.0", "B", "a", "b"][..]),
        ("?n=2", &["1.0.0", "B"]),
        ("?n=2&last=B", &["a", "b"]),
        ("?last=a", &["b"]),
        ("?n=0", &[]),
    ] {
        let list: Value = api.get(&format!("/v2/acme/tools/tags/list{query}")).await.json().await.unwrap();
        assert_eq!(list, json!({"name": "acme/tools", "tags": expected}), "{query}");
    }
    let digest = Digest::sha256(manifest(&blob, &blob).as_bytes());
    put(&api, &format!("/v2/untagged/manifests/{digest}"), manifest(&blob, &blob)).await;
    let list: Value = api.get("/v2/untagged/tags/list").await.json().await.unwrap();
    assert_eq!(list, json!({"name": "untagged", "tags": []}));
    put(&api, "/v2/acme/manifests/latest", manifest(&blob, &blob)).await;
    // A repository does not exist until it contains a manifest.
    api.push("acme/blobs", b"hello").await;
    for (query, expected) in [
        ("", &["acme", "acme/tools", "untagged"][..]),
        ("?n=1000", &["acme", "acme/tools", "untagged"]),
        ("?n=1&last=acme", &["acme/tools"]),
    ] {
        let list: Value = api.get(&format!("/v2/_catalog{query}")).await.json().await.unwrap();
        assert_eq!(list, json!({"repositories": expected}), "{query}");
    }
    for path in ["/v2/acme/tools/tags/list?n=-1", "/v2/_catalog?n=many"] {
        assert_eq!(error(api.get(path).await).await, (400, "UNSUPPORTED".to_owned()), "{path}");
    }
}

async fn tags(api: &Api, name: &str) -> Value {
    let list: Value = api.get(&format!("/v2/{name}/tags/list")).await.json().await.unwrap();
    list["tags"].clone()
}

#[tokio::test]
async fn deleting_a_manifest_deletes_its_tags_only_in_the_same_repository() {
    let api = Api::start().await;
    let (config, layer) = (api.push("acme/tools", b"config").await, api.push("acme/tools", b"layer").await);
    let (first, second) = (manifest(&config, &layer), manifest(&layer, &config));
    let digest = Digest::sha256(first.as_bytes());
    for (path, content) in [("a", &first), ("b", &first), ("c", &second)] {
        put(&api, &format!("/v2/acme/tools/manifests/{path}"), content.clone()).await;
    }
    put(&api, "/v2/acme/other/manifests/a", first).await;

    let by_digest = format!("/v2/acme/tools/manifests/{digest}");
    let deleted = api.request(Method::DELETE, &by_digest).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    for path in [&*by_digest, "/v2/acme/tools/manifests/a", "/v2/acme/tools/manifests/b"] {
        assert_eq!(error(api.get(path).await).await, (404, "MANIFEST_UNKNOWN".to_owned()), "{path}");
        let again = api.request(Method::DELETE, path).send().await.unwrap();
        assert_eq!(error(again).await, (404, "MANIFEST_UNKNOWN".to_owned()), "{path}");
    }
    assert_eq!(tags(&api, "acme/tools").await, json!(["c"]));
    assert_eq!(tags(&api, "acme/other").await, json!(["a"]));
    assert_eq!(api.get(&format!("/v2/acme/other/manifests/{digest}")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn deleting_a_tag_keeps_its_manifest() {
    let api = Api::start().await;
    let blob = api.push("acme/tools", b"hello").await;
    let manifest = manifest(&blob, &blob);
    for tag in ["a", "b"] {
        put(&api, &format!("/v2/acme/tools/manifests/{tag}"), manifest.clone()).await;
    }
    let deleted = api.request(Method::DELETE, "/v2/acme/tools/manifests/a").send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    assert_eq!(tags(&api, "acme/tools").await, json!(["b"]));
    let by_digest = format!("/v2/acme/tools/manifests/{}", Digest::sha256(manifest.as_bytes()));
    assert_eq!(api.get(&by_digest).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn errors_use_the_codes_from_the_specification() {
    let api = Api::start().await;
    assert_eq!(api.get("/v2/").await.status(), StatusCode::OK);
    let digest = Digest::sha256(b"hello");
    let upload = "/v2/acme/tools/blobs/uploads/01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let commit = format!("{upload}?digest={digest}");
    let (blob, by_digest) = (format!("/v2/acme/tools/blobs/{digest}"), format!("/v2/acme/tools/manifests/{digest}"));
    for (method, path, status, code) in [
        (Method::GET, &*blob, 404, "BLOB_UNKNOWN"),
        (Method::GET, "/v2/acme/tools/manifests/1.0.0", 404, "MANIFEST_UNKNOWN"),
        (Method::GET, &by_digest, 404, "MANIFEST_UNKNOWN"),
        (Method::GET, "/v2/acme/tools/tags/list", 404, "NAME_UNKNOWN"),
        (Method::GET, upload, 404, "BLOB_UPLOAD_UNKNOWN"),
        (Method::PATCH, upload, 404, "BLOB_UPLOAD_UNKNOWN"),
        (Method::PUT, &commit, 404, "BLOB_UPLOAD_UNKNOWN"),
        (Method::PUT, "/v2/acme/tools/blobs/uploads/1", 404, "BLOB_UPLOAD_UNKNOWN"),
        (Method::DELETE, &blob, 405, "UNSUPPORTED"),
        (Method::DELETE, &by_digest, 404, "MANIFEST_UNKNOWN"),
        (Method::GET, "/", 404, "UNSUPPORTED"),
    ] {
        let response = api.request(method.clone(), path).send().await.unwrap();
        assert_eq!(error(response).await, (status, code.to_owned()), "{method} {path}");
    }
}

/// Sends a request over a raw connection, because a client library would normalize the path. Returns the raw response.
async fn raw(api: &Api, method: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(api.address()).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn names_and_references_cannot_escape_the_directory() {
    let api = Api::start().await;
    let long = "a".repeat(256);
    for name in [
        "..", "../..", "a/../b", ".", "a/./b", "", "/a", "a/", "a//b", "A", "a/_tags", "a-", "-a", "a..b", "a___b",
        "a._b", "%2e%2e", "a%2fb", "a\\b", "ä", &long,
    ] {
        let response = raw(&api, "POST", &format!("/v2/{name}/blobs/uploads/")).await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{name}: {response}");
        assert!(name == "ä" || response.contains("NAME_INVALID"), "{name}: {response}");
    }
    for name in ["a", "0", "a/b/c", "a.b", "a_b", "a__b", "a---b", "blobs/uploads", "manifests", &long[1..]] {
        let response = raw(&api, "POST", &format!("/v2/{name}/blobs/uploads/")).await;
        assert!(response.contains(&format!("location: /v2/{name}/blobs/uploads/")), "{name}: {response}");
    }
    let long = "a".repeat(129);
    for reference in ["..", ".", "", ".a", "-a", "%2e%2e", "a\\b", "sha256:abc", "a:b", &long] {
        for method in ["GET", "PUT"] {
            let response = raw(&api, method, &format!("/v2/a/manifests/{reference}")).await;
            assert!(response.contains("MANIFEST_UNKNOWN"), "{method} {reference}: {response}");
        }
    }
    assert_eq!(api.files(), [""; 0]);
}

/// Returns an artifact's manifest with this `subject`.
fn referrer(blob: &str, subject: &str, artifact_type: &str) -> String {
    let descriptor = |digest| json!({"mediaType": "application/octet-stream", "digest": digest, "size": 5});
    json!({
        "schemaVersion": 2,
        "artifactType": artifact_type,
        "config": descriptor(blob),
        "layers": [],
        "subject": descriptor(subject),
        "annotations": {"type": artifact_type},
    })
    .to_string()
}

#[tokio::test]
async fn referrers_are_listed_by_subject_and_artifact_type() {
    let api = Api::start().await;
    let blob = api.push("acme/tools", b"hello").await;
    let (subject, other) = (Digest::sha256(b"subject").to_string(), Digest::sha256(b"other").to_string());
    let mut digests = Vec::new();
    // The subject does not have to exist.
    for (subject, artifact_type) in [(&subject, "text/a"), (&subject, "text/b"), (&other, "text/a")] {
        let manifest = referrer(&blob, subject, artifact_type);
        let digest = Digest::sha256(manifest.as_bytes()).to_string();
        let response = put(&api, &format!("/v2/acme/tools/manifests/{digest}"), manifest).await;
        assert_eq!((response.status(), header(&response, "oci-subject")), (StatusCode::CREATED, &**subject));
        digests.push(digest);
    }

    let list = async |query: &str| {
        let response = api.get(&format!("/v2/acme/tools/referrers/{subject}{query}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), "application/vnd.oci.image.index.v1+json");
        let filters = response.headers().get("oci-filters-applied").map(|value| value.to_str().unwrap().to_owned());
        let index: Value = response.json().await.unwrap();
        (filters, index["manifests"].as_array().unwrap().clone())
    };
    let (filters, all) = list("").await;
    assert_eq!((filters, all.len()), (None, 2));
    let (filters, found) = list("?artifactType=text/b").await;
    assert_eq!(filters.as_deref(), Some("artifactType"));
    let size = referrer(&blob, &subject, "text/b").len();
    let expected = json!({
        "mediaType": MEDIA_TYPE,
        "digest": digests[1],
        "size": size,
        "artifactType": "text/b",
        "annotations": {"type": "text/b"},
    });
    assert_eq!(found, [expected]);

    let delete = api.request(Method::DELETE, &format!("/v2/acme/tools/manifests/{}", digests[1]));
    assert_eq!(delete.send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(list("?artifactType=text/b").await.1, Vec::<Value>::new());
    let response = api.get("/v2/acme/tools/referrers/nonsense").await;
    assert_eq!(error(response).await, (400, "DIGEST_INVALID".to_owned()));
}
