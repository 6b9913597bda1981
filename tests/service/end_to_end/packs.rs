//! Tests for `packs`, the command-line tool for authors, against a running `local`.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use pack_format::Digest;
use serde_json::{Value, json};
use test_support::{archive::Archive, sample_pack};

use crate::{
    attestations::{file_signer, key_file, new_key},
    support::{ApiResponse, DockerOptions, DockerRegistry, Local, RepositoryClient, manifest, packs, scratch},
};

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// Runs a command, which must succeed, and returns its standard output.
#[track_caller]
fn printed(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json_of(command: &mut Command) -> Value {
    serde_json::from_str(&printed(command.args(["--format", "json"]))).unwrap()
}

#[tokio::test]
async fn push_uploads_small_and_large_packs_and_waits_for_their_builds() {
    let local = Local::start().await;
    let (_guard, directory) = scratch();
    let pack = directory.join("pack");
    fs::create_dir_all(pack.join("data")).unwrap();
    let push = |arguments: &[&str]| {
        let mut command = packs(&local);
        command.arg("push").arg(&pack).args(arguments);
        command
    };

    fs::write(pack.join("pack.yaml"), manifest("pushed", "1.0.0")).unwrap();
    let dry = json_of(&mut push(&["--visibility", "community", "--dry-run"]));
    let small = json_of(&mut push(&["--visibility", "community"]));
    assert_eq!((&small["visibility"], &small["build_status"]), (&json!("community"), &json!("ready")));
    assert_eq!((&dry["image_digest"], &dry["id"]), (&small["image_digest"], &Value::Null));
    let digests = printed(packs(&local).arg("digest").arg(&pack));
    let expected = ["image_digest", "layer_digest", "size_bytes"]
        .map(|field| format!("{field} {}\n", small[field].to_string().trim_matches('"')));
    assert_eq!(digests, expected.concat());

    let mut noise = vec![0; 5_000_000];
    getrandom::fill(&mut noise).unwrap();
    fs::write(pack.join("data/noise"), noise).unwrap();
    fs::write(pack.join("pack.yaml"), manifest("pushed", "2.0.0")).unwrap();
    let large = json_of(&mut push(&[]));
    assert_eq!((&large["version"], &large["build_status"]), (&json!("2.0.0"), &json!("ready")));
    assert!(local.log().contains("route=\"/v1/packs/uploads\""), "{}", local.log());

    // The archive is within a request's limits on compressed size and compression ratio, but exceeds its limit on
    // unpacked size, so `packs` sends the archive to S3.
    let mut mostly_zeros = vec![0; 65 << 20];
    mostly_zeros.chunks_mut(1 << 10).for_each(|chunk| getrandom::fill(&mut chunk[..16]).unwrap());
    fs::write(pack.join("data/noise"), mostly_zeros).unwrap();
    fs::write(pack.join("pack.yaml"), manifest("pushed", "3.0.0")).unwrap();
    let unpacked = json_of(&mut push(&["--no-wait"]));
    assert_eq!(unpacked["version"], "3.0.0");

    fs::write(pack.join("data/noise"), "other content").unwrap();
    let output = run(&mut push(&[]));
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("error: this version already exists with different content"), "{error}");
}

#[tokio::test]
async fn records_can_be_listed_compared_changed_and_deleted() {
    let local = Local::start().await;
    let record = json_of(packs(&local).arg("push").arg(sample_pack()));
    let id = record["id"].as_str().unwrap();
    let name = record["name"].as_str().unwrap();

    let mut shown = json_of(packs(&local).args(["show", id]));
    assert_eq!(shown, record);
    let listed = json_of(packs(&local).args(["list", "--name", name, "--owned", "true"]));
    shown.as_object_mut().unwrap().remove("capabilities");
    assert_eq!(listed, json!([shown]));
    let difference = printed(packs(&local).args(["diff", id]).arg(sample_pack()));
    assert!(difference.ends_with("capabilities: no difference\nfiles: no difference\n"), "{difference}");
    let community = json_of(packs(&local).args(["visibility", id, "community"]));
    assert_eq!(community["visibility"], "community");
    assert_eq!(printed(packs(&local).args(["delete", id])), format!("deleted {id}\n"));
    let output = run(packs(&local).args(["show", id]));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: no such pack (status 404, request "));
}

/// Returns the digest of a pack's image, and the digest of its attestation in the registry.
fn digests(record: &Value) -> [&str; 2] {
    ["image_digest", "attestation_digest"].map(|field| record[field].as_str().unwrap())
}

/// Replaces the attestation of the image in the record `to` with the bundle of the image in the record `from`.
/// `has_api` says whether the registry has the referrers API.
async fn move_bundle(repository: &RepositoryClient, from: &Value, to: &Value, has_api: bool) {
    let ([_, attestation], [image, replaced]) = (digests(from), digests(to));
    repository.delete_manifest(replaced).await;
    let (_, artifact) = repository.manifest(attestation).await.unwrap();
    let (_, manifest) = repository.manifest(image).await.unwrap();
    let mut artifact: Value = serde_json::from_slice(&artifact).unwrap();
    artifact["subject"] = json!({ "mediaType": artifact["mediaType"], "digest": image, "size": manifest.len() });
    let text = artifact.to_string();
    let digest = Digest::sha256(text.as_bytes()).to_string();
    assert_eq!(repository.put_manifest(&digest, &artifact).await, digest);
    if !has_api {
        let referrer = json!({
            "mediaType": artifact["mediaType"],
            "artifactType": artifact["artifactType"],
            "digest": digest,
            "size": text.len(),
        });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [referrer],
        });
        repository.put_manifest(&image.replace(':', "-"), &index).await;
    }
}

/// Checks the output of `packs verify` for images that `local` has pushed: by id, tag and digest, with a trusted key
/// and with another key, and after their attestations were moved or deleted.
async fn check_verification(local: &Local, has_api: bool) {
    let (_guard, directory) = scratch();
    let push = |version: &str| {
        let pack = directory.join(version);
        fs::create_dir(&pack).unwrap();
        fs::write(pack.join("pack.yaml"), manifest("tools", version)).unwrap();
        json_of(packs(local).arg("push").arg(pack))
    };
    let (first, second) = (push("1.0.0"), push("2.0.0"));
    let [id, image_ref] = ["id", "image_ref"].map(|field| first[field].as_str().unwrap());
    let (image_digest, repository) = (digests(&first)[0], image_ref.strip_suffix(":1.0.0").unwrap());

    let by_id = json_of(packs(local).args(["verify", id]));
    assert_eq!(by_id["image_digest"], image_digest);
    for field in ["org_id", "name", "version", "archive_sha256", "layer_digest"] {
        assert_eq!(by_id["attestations"][0][field], first[field], "{field}");
    }
    assert_eq!(json_of(packs(local).args(["verify", image_ref])), by_id);
    assert_eq!(json_of(packs(local).args(["verify", &format!("{repository}@{image_digest}")])), by_id);

    let keys = ApiResponse::send(local.request("GET", "/v1/attestation-keys")).await.body;
    fs::write(directory.join("key.pem"), keys["keys"][0]["pem"].as_str().unwrap()).unwrap();
    let other = file_signer(&key_file(&new_key())).unwrap().public_key().await.unwrap();
    fs::write(directory.join("other.pem"), other.to_pem()).unwrap();
    let offline = |image: &str, key: &str| {
        let mut command = packs(local);
        command.args(["verify", image, "--key", key]).current_dir(&directory).env_remove("PACKS_URL");
        command
    };
    assert_eq!(json_of(&mut offline(image_ref, "key.pem")), by_id);
    let fails = |command: &mut Command, message: &str| {
        let output = run(command);
        assert_eq!((output.status.code(), &*output.stdout), (Some(1), b"".as_slice()), "{output:?}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.starts_with("error: ") && error.contains(message), "{error}");
    };
    fails(&mut offline(image_ref, "other.pem"), "which is not one of the trusted keys");

    let client = RepositoryClient::new(&repository.split_once('/').unwrap().0.parse().unwrap(), "acme/tools");
    move_bundle(&client, &first, &second, has_api).await;
    let other_ref = format!("{repository}:2.0.0");
    fails(&mut offline(&other_ref, "key.pem"), &format!("the statement is about the image {image_digest}, not about "));
    // Delete the referrer. In a registry without the referrers API, the referrers tag still lists it.
    client.delete_manifest(digests(&first)[1]).await;
    fails(&mut offline(image_ref, "key.pem"), &format!("{image_digest} has no attestation"));
}

#[tokio::test]
async fn images_in_the_embedded_registry_can_be_verified() {
    check_verification(&Local::start().await, true).await;
}

#[tokio::test]
async fn images_in_a_docker_registry_can_be_verified() {
    let Some(docker) = DockerRegistry::start(DockerOptions { needs_password: false, deletes: true }).await else {
        return;
    };
    check_verification(&Local::start_with(&[("REGISTRY", &docker.address.to_string())]).await, false).await;
}

#[tokio::test]
async fn the_error_for_an_invalid_key_names_its_variable() {
    let local = Local::start().await;
    let mut command = packs(&local);
    let output = run(command.env("EVERSHELL_API_KEY", "sk_unknown").arg("push").arg(sample_pack()));
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.starts_with("error: the service does not accept the key in `EVERSHELL_API_KEY`"), "{error}");
}

/// Returns the problems that the service finds in an archive.
async fn problems_of_the_service(local: &Local, archive: Vec<u8>) -> Value {
    let response = local.upload_as("acme", "?dry_run=true", archive).await;
    match response.status.as_u16() {
        200 => json!([]),
        400 => response.expect_error(400, "validation_error")["details"]["problems"].clone(),
        status => panic!("{status}: {}", response.body),
    }
}

/// Returns the problems that `packs check` finds in a directory or an archive.
fn problems_of_packs(local: &Local, path: &Path) -> Value {
    let output = run(packs(local).args(["check", "--format", "json"]).arg(path));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let is_valid = report["problems"] == json!([]);
    assert_eq!(output.status.code(), Some(if is_valid { 0 } else { 1 }), "{report}");
    report["problems"].clone()
}

#[tokio::test]
async fn packs_check_and_the_service_find_the_same_problems() {
    let local = Local::start().await;
    let (_guard, directory) = scratch();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/pack-format/tests/cases");
    for case in ["accept", "reject"].into_iter().flat_map(|name| fs::read_dir(cases.join(name)).unwrap()) {
        let path = case.unwrap().path();
        let expected = problems_of_the_service(&local, fs::read(&path).unwrap()).await;
        assert_eq!(problems_of_packs(&local, &path), expected, "{}", path.display());
    }
    let manifests = ["name: Bad_Name\nversion: 1.10\ndescripton: x\n", "a: *b\n", "", "name: a\nversion: 1.0.0\n"];
    for (index, manifest) in manifests.into_iter().enumerate() {
        let pack = directory.join(index.to_string());
        fs::create_dir_all(pack.join("guide")).unwrap();
        fs::write(pack.join("pack.yaml"), manifest).unwrap();
        fs::write(pack.join("guide/a.md"), "").unwrap();
        let archive = Archive::new().file("pack.yaml", manifest).file("guide/a.md", "").tar_gz();
        let expected = problems_of_the_service(&local, archive).await;
        assert_ne!(expected, json!([]));
        assert_eq!(problems_of_packs(&local, &pack), expected, "{manifest}");
    }
}
