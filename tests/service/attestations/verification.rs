//! Verifies the images of a running `local` with the scripts in `docs/verify/`. Also tests that signing does not change
//! an image's digest, and that the key of `local` survives a restart.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::{archive::Archive, manifest::manifest};

use super::tools::Script;
use crate::support::{ApiResponse, DockerOptions, DockerRegistry, Local, RepositoryClient};

/// Uploads a pack, waits for its build, and returns its record.
async fn ready(local: &Local, behavior: &str, version: &str) -> Value {
    let archive = Archive::new().files(&[("pack.yaml", &*manifest("tools", version)), ("behavior.md", behavior)]);
    let created = local.upload(archive.tar_gz()).await;
    created.expect(StatusCode::CREATED);
    assert_eq!(created.body["attested"], false);
    let record = local.wait_for_build("acme", created.text("id")).await;
    assert_eq!(record["build_status"], "ready", "{record}");
    assert_eq!(record["image_digest"], created.body["image_digest"]);
    record
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is not a string: {value}"))
}

/// Returns the bundle attached to a pack's image. Returns `None` unless the image has exactly one referrer.
async fn attached_bundle(repository: &RepositoryClient, record: &Value) -> Option<Value> {
    let referrers = repository.referrers(text(record, "image_digest")).await;
    let [referrer] = &*referrers else { return None };
    assert_eq!(referrer["digest"], record["attestation_digest"]);
    assert_eq!(referrer["artifactType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
    assert_eq!(referrer["annotations"]["dev.sigstore.bundle.predicateType"], "https://slsa.dev/provenance/v1");
    let (_, artifact) = repository.manifest(text(referrer, "digest")).await?;
    let artifact: Value = serde_json::from_slice(&artifact).unwrap();
    assert_eq!(artifact["subject"]["digest"], record["image_digest"]);
    let blob = repository.blob(text(&artifact["layers"][0], "digest")).await;
    Some(serde_json::from_slice(&blob).unwrap())
}

/// Returns a key list that contains only a new public key, with the hint of the first key in `keys`.
fn with_other_key(keys: &Value) -> Value {
    let other = super::file_signer(&super::key_file(&super::new_key())).unwrap();
    let pem = futures_util::FutureExt::now_or_never(other.public_key()).unwrap().unwrap().to_pem();
    json!({"keys": [{"hint": keys["keys"][0]["hint"], "pem": pem}]})
}

/// Returns the bundle with a different archive digest in its payload, but the original signature.
fn with_altered_payload(bundle: &Value) -> Value {
    let mut statement = payload(bundle);
    statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["sha256"] = json!("0".repeat(64));
    let mut altered = bundle.clone();
    altered["dsseEnvelope"]["payload"] = json!(STANDARD.encode(statement.to_string()));
    altered
}

fn payload(bundle: &Value) -> Value {
    serde_json::from_slice(&STANDARD.decode(text(&bundle["dsseEnvelope"], "payload")).unwrap()).unwrap()
}

async fn check(local: &Local) {
    let (registry, _) = local.setting("/registry").split_once('/').unwrap_or((local.setting("/registry"), ""));
    let repository = RepositoryClient::new(&registry.parse().unwrap(), "acme/tools");
    let record = ready(local, "hello", "1.0.0").await;
    let other = ready(local, "hello", "2.0.0").await;
    let (digest, other_digest) = (text(&record, "image_digest"), text(&other, "image_digest"));
    let (tagged, _) = repository.manifest("1.0.0").await.unwrap();
    assert_eq!(tagged, digest);

    let keys = ApiResponse::send(local.request("GET", "/v1/attestation-keys")).await.body;
    let bundle = attached_bundle(&repository, &record).await.unwrap();
    let stored = local.get("acme", &format!("/v1/packs/{}/attestations", text(&record, "id"))).await;
    assert_eq!(stored.body, json!({"bundles": [bundle]}));
    let mut unsigned = bundle.clone();
    unsigned["dsseEnvelope"]["signatures"] = json!([]);

    for script in Script::available() {
        let statement = script.verify(&bundle, &keys, digest).unwrap();
        assert_eq!(statement, payload(&bundle), "{script:?}");
        let definition = &statement["predicate"]["buildDefinition"];
        assert_eq!(definition["internalParameters"]["pack_id"], record["id"]);
        let archive = text(&definition["resolvedDependencies"][0]["digest"], "sha256");
        assert_eq!(format!("sha256:{archive}"), record["archive_sha256"]);

        for (reason, bundle, keys, digest) in [
            ("another key", &bundle, &with_other_key(&keys), digest),
            ("an unknown key", &bundle, &json!({"keys": []}), digest),
            ("an altered payload", &with_altered_payload(&bundle), &keys, digest),
            ("the bundle of another image", &bundle, &keys, other_digest),
            ("no signature", &unsigned, &keys, digest),
        ] {
            assert!(script.verify(bundle, keys, digest).is_err(), "{script:?} accepts {reason}");
        }
    }

    // Deleting the referrer of one image does not affect the other image's attestation.
    repository.delete_manifest(text(&record, "attestation_digest")).await;
    let artifact = repository.manifest(text(&record, "attestation_digest")).await;
    assert_eq!(artifact, None);
    assert!(attached_bundle(&repository, &other).await.is_some());
}

#[tokio::test]
async fn public_tools_verify_images_in_the_embedded_registry() {
    let local = Local::start().await;
    check(&local).await;
    let key = std::fs::read_to_string(local.data().join("signing-key.pem")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    assert!(!local.log().contains(secret) && !local.stdout().contains(secret));
}

#[tokio::test]
async fn public_tools_verify_images_in_a_docker_registry() {
    let Some(docker) = DockerRegistry::start(DockerOptions { needs_password: false, deletes: true }).await else {
        return;
    };
    check(&Local::start_with(&[("REGISTRY", &docker.address.to_string())]).await).await;
}

/// `local` keeps its key across restarts, so earlier attestations stay valid.
#[tokio::test]
async fn signing_changes_no_digest_and_the_key_survives_a_restart() {
    let local = Local::start().await;
    let signed = ready(&local, "hello", "1.0.0").await;
    let keys = ApiResponse::send(local.request("GET", "/v1/attestation-keys")).await.body;
    let local = Local::start_in(local.kill(), &[]).await;
    ready(&local, "hello", "2.0.0").await;
    assert_eq!(ApiResponse::send(local.request("GET", "/v1/attestation-keys")).await.body, keys);

    let local = Local::start_with(&[("SIGNING", "none")]).await;
    let unsigned = ready(&local, "hello", "1.0.0").await;
    assert_eq!((&unsigned["attested"], unsigned.get("attestation_digest")), (&json!(false), None));
    assert_eq!(unsigned["image_digest"], signed["image_digest"]);
    let stored = local.get("acme", &format!("/v1/packs/{}/attestations", text(&unsigned, "id"))).await;
    assert_eq!(stored.body, json!({"bundles": []}));
    let keys = ApiResponse::send(local.request("GET", "/v1/attestation-keys")).await;
    assert_eq!(keys.body, json!({"keys": []}));
}
