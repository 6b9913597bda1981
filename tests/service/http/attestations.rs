//! Tests for `GET /v1/packs/{id}/attestations` and `GET /v1/attestation-keys`.

use std::time::Duration;

use bytes::Bytes;
use pack_format::Digest;
use pack_upload::{
    aws::{Attestations, Lease, Staging},
    identity::KeyTemplate,
    records::{Record, Timestamp},
};
use serde_json::{Value, json};

use super::{
    event, request,
    test_api::{TestApi, secret, with_credential},
};

/// A bundle with the fields that openapi.yaml requires.
const BUNDLE: &str = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"9a6/DPB+xIHseqUVKiV/9d+2IXIlHijwSAnifpktx4c="}},"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEU="}]}}"#;

const PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8DqfbomHEiNsZ7sNxsCfh+cOlg+l
z/wT86GqYzjB3p5JIzmQZAJX5ngjG7afull1kop0uS+VDCSzJi2T0EVqFA==
-----END PUBLIC KEY-----
";

fn attestations(api: &TestApi) -> Attestations {
    let (clients, options) = (&api.embedded.clients, &api.embedded.options);
    Staging::new(clients.s3.clone(), options.staging_bucket.clone()).attestations()
}

async fn put(api: &TestApi, id: &str, bundle: &'static str) {
    let record = api.table.record(id.parse().unwrap()).await.unwrap().unwrap();
    attestations(api).put(&record.release, Bytes::from_static(bundle.as_bytes())).await.unwrap();
}

/// Publishes a pack and marks it as ready and attested, as a build does.
async fn make_attested(api: &TestApi, id: &str) {
    let record = api.table.record(id.parse().unwrap()).await.unwrap().unwrap();
    let record = Record { attestation_digest: Some(Digest::sha256(b"a referrer")), ..record };
    let now = Timestamp::now();
    let lease = Lease::new(now + Duration::from_secs(60));
    assert!(api.table.begin_build(&record, &lease, now).await.unwrap());
    assert!(api.table.publish(&record, &lease).await.unwrap());
    assert!(api.table.mark_ready(&record, &lease, now).await.unwrap());
}

fn get(slug: &str, id: &str) -> Value {
    let event = request("GET", &format!("/v1/packs/{id}/attestations"));
    with_credential(event, secret(slug, KeyTemplate::ReadOnly).reveal())
}

#[tokio::test]
async fn only_the_owner_gets_the_attestations_of_a_pack() {
    let api = TestApi::start().await;
    let mut upload = event("upload-http-api");
    let community = super::test_api::form(&[("visibility", b"community"), ("archive", &archive())]);
    upload["body"] = super::test_api::upload(&community)["body"].clone();
    let created = api.send(&upload).await;
    let id = created.body["id"].as_str().unwrap();
    assert_eq!((created.body["attested"].clone(), created.body.get("attestation_digest")), (json!(false), None));
    let response = api.send(&get("acme", id)).await;
    assert_eq!((response.status, response.body), (200, json!({"bundles": []})));

    // As during a rebuild: a bundle from an earlier attempt is stored, but the record is not attested.
    put(&api, id, BUNDLE).await;
    assert_eq!(api.send(&get("acme", id)).await.body, json!({"bundles": []}));
    make_attested(&api, id).await;
    let bundle: Value = serde_json::from_str(BUNDLE).unwrap();
    assert_eq!(api.send(&get("acme", id)).await.body, json!({"bundles": [bundle]}));

    // Another org can see the pack itself, but not its attestations.
    let mut record = event("get");
    record["rawPath"] = json!(format!("/v1/packs/{id}"));
    let other = secret("pastdue", KeyTemplate::ReadOnly);
    assert_eq!(api.send(&with_credential(record, other.reveal())).await.status, 200);
    for (slug, id) in [("pastdue", id), ("acme", "pack_01JACME1000000000000000000"), ("acme", "nonsense")] {
        assert_eq!(api.send(&get(slug, id)).await.code(), (404, "pack_not_found"));
    }
}

fn archive() -> Vec<u8> {
    let manifest = test_support::manifest::manifest("shared", "1.0.0");
    test_support::archive::Archive::new().file("pack.yaml", &*manifest).tar_gz()
}

#[tokio::test]
async fn a_query_parameter_is_rejected_and_a_corrupt_bundle_causes_an_internal_error() {
    let api = TestApi::start().await;
    let created = api.send(&event("upload-http-api")).await;
    let id = created.body["id"].as_str().unwrap();
    let mut with_query = get("acme", id);
    with_query["rawQueryString"] = json!("limit=1");
    assert_eq!(api.send(&with_query).await.fields(), &json!({"limit": ["is not a query parameter of this request"]}));

    put(&api, id, "{").await;
    make_attested(&api, id).await;
    assert_eq!(api.send(&get("acme", id)).await.code(), (500, "internal_error"));
}

#[tokio::test]
async fn every_valid_published_key_is_served_without_a_credential() {
    let api = TestApi::start().await;
    attestations(&api).publish_key(Digest::sha256(b"a key"), PEM.to_owned()).await.unwrap();
    attestations(&api).publish_key(Digest::sha256(b"another key"), PEM.to_owned()).await.unwrap();
    attestations(&api).publish_key(Digest::sha256(b"not a key"), "nonsense".to_owned()).await.unwrap();

    let mut get = request("GET", "/v1/attestation-keys");
    get["headers"]["authorization"] = json!("Bearer sk_nonsense");
    get["rawQueryString"] = json!("v=2");
    let key = json!({"hint": "9a6/DPB+xIHseqUVKiV/9d+2IXIlHijwSAnifpktx4c=", "pem": PEM});
    assert_eq!(api.send(&get).await.body, json!({"keys": [key, key]}));
}

#[tokio::test]
async fn the_keys_are_cached() {
    let api = TestApi::start().await;
    let get = request("GET", "/v1/attestation-keys");
    assert_eq!(api.send(&get).await.body, json!({"keys": []}));
    attestations(&api).publish_key(Digest::sha256(b"a key"), PEM.to_owned()).await.unwrap();
    assert_eq!(api.send(&get).await.body, json!({"keys": []}));
}
