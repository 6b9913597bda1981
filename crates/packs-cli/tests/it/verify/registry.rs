//! Tests for `packs verify` with an image reference.

use std::path::Path;

use attestation::{BUNDLE_MEDIA_TYPE, Bundle};
use pack_format::Digest;
use serde_json::json;

use super::{ID, MANIFEST, Signer, image, printed_statement, statement, value};
use crate::{
    server::{Reply, Server, json as respond},
    support::{Printed, Work, packs},
};

/// A registry with [`MANIFEST`] and one referrer.
struct Registry {
    /// The bundle.
    blob: String,
    /// The image manifest of the referrer.
    artifact: String,
}

impl Registry {
    fn new(bundle: &Bundle) -> Self {
        let blob = value(bundle).to_string();
        let digest = Digest::sha256(blob.as_bytes());
        Self { artifact: json!({ "layers": [{ "digest": digest }] }).to_string(), blob }
    }

    fn image() -> Reply {
        Reply::Respond(200, "", MANIFEST.to_owned())
    }

    /// Returns an index that lists this referrer and one with a different artifact type.
    fn index(&self) -> Reply {
        let other = json!({ "artifactType": "application/spdx+json", "digest": Digest::sha256(b"other") });
        let digest = Digest::sha256(self.artifact.as_bytes());
        let referrer = json!({ "artifactType": BUNDLE_MEDIA_TYPE, "digest": digest });
        respond(200, &json!({ "manifests": [other, referrer] }))
    }

    fn artifact(&self) -> Reply {
        Reply::Respond(200, "", self.artifact.clone())
    }

    fn blob(&self) -> Reply {
        Reply::Respond(200, "", self.blob.clone())
    }

    /// Returns the paths of the referrer and of its bundle.
    fn paths(&self) -> [String; 2] {
        let [artifact, blob] = [&self.artifact, &self.blob].map(|content| Digest::sha256(content.as_bytes()));
        [format!("manifests/{artifact}"), format!("blobs/{blob}")]
    }
}

fn missing() -> Reply {
    Reply::Respond(404, "", String::new())
}

/// Returns a working directory with the public key in `key.pem`.
fn work_with(signer: &Signer) -> Work {
    let work = Work::new();
    work.write("key.pem", signer.key.to_pem());
    work
}

fn reference(server: &Server, version: &str) -> String {
    format!("{}/acme/tools{version}", server.url.trim_start_matches("http://"))
}

fn verify_image(server: &Server, work: &Work, version: &str) -> Printed {
    server.packs(work, &["verify", &reference(server, version), "--key", "key.pem"])
}

#[test]
fn verifies_an_image_in_a_registry() {
    let signer = Signer::new();
    let registry = Registry::new(&signer.sign(statement().to_json()));
    let [artifact, blob] = registry.paths();
    let tag = ("manifests/1.0.0".to_owned(), Registry::image());
    let digest = (format!("manifests/{}", image()), Registry::image());
    let media_type = "application/vnd.dev.sigstore.bundle.v0.3%2Bjson";
    let referrers = format!("referrers/{}?artifactType={media_type}", image());
    let api = [(referrers.clone(), registry.index())];
    let fallback =
        [(referrers, missing()), (format!("manifests/{}", image().to_string().replace(':', "-")), registry.index())];
    for (version, first, index) in [
        (":1.0.0".to_owned(), &tag, &api[..]),
        (format!("@{}", image()), &digest, &fallback[..]),
        (format!(":other@{}", image()), &digest, &api[..]),
    ] {
        let rest = [(artifact.clone(), registry.artifact()), (blob.clone(), registry.blob())];
        let (paths, replies): (Vec<String>, Vec<Reply>) =
            [first].into_iter().chain(index).chain(&rest).cloned().unzip();
        let server = Server::start(replies);
        assert_eq!(verify_image(&server, &work_with(&signer), &version).success(), printed_statement());
        let lines: Vec<String> = paths.iter().map(|path| format!("GET /v2/acme/tools/{path}")).collect();
        assert_eq!(server.lines(), lines);
        assert!(!server.received().iter().any(|request| request.has_credentials()), "the registry needs no credential");
    }
}

#[test]
fn an_image_whose_referrers_are_missing_or_deleted_has_no_attestation() {
    let signer = Signer::new();
    let registry = Registry::new(&signer.sign(statement().to_json()));
    let nothing = [Registry::image(), missing(), missing()].to_vec();
    let empty = [Registry::image(), respond(200, &json!({ "manifests": [] }))].to_vec();
    let deleted = [Registry::image(), registry.index(), missing()].to_vec();
    let without_blob = [Registry::image(), registry.index(), registry.artifact(), missing()].to_vec();
    for replies in [nothing, empty, deleted, without_blob] {
        let printed = verify_image(&Server::start(replies), &work_with(&signer), ":1.0.0");
        let expected = format!("error: {} has no attestation\n", image());
        assert_eq!((printed.status, &*printed.out, printed.err), (1, "", expected));
    }
}

#[test]
fn content_with_another_digest_is_an_error() {
    let signer = Signer::new();
    let registry = Registry::new(&signer.sign(statement().to_json()));
    let other = || Reply::Respond(200, "", "{}".to_owned());
    let [artifact, blob] = registry.paths();
    for (replies, path) in [
        (vec![other()], format!("manifests/{}", image())),
        (vec![Registry::image(), registry.index(), other()], artifact),
        (vec![Registry::image(), registry.index(), registry.artifact(), other()], blob),
    ] {
        let server = Server::start(replies);
        let digest = path.split_once('/').unwrap().1.to_owned();
        let url = format!("{}/v2/acme/tools/{path}", server.url);
        verify_image(&server, &work_with(&signer), &format!("@{}", image()))
            .expect_error(&format!("the response from {url} does not have the digest {digest}"));
    }
}

#[test]
fn registry_errors_are_printed_escaped_and_shortened() {
    let signer = Signer::new();
    let server = Server::start([missing()]);
    verify_image(&server, &work_with(&signer), ":1.0.0")
        .expect_error(&format!("no such image: {}", reference(&server, ":1.0.0")));
    let body = json!({ "errors": [{ "code": "DENIED", "message": "\u{1b}[2J".repeat(1_000) }] }).to_string();
    let server = Server::start([Reply::Respond(403, "", body)]);
    let shown = format!("{}…", r"\u{1b}[2J".repeat(25));
    verify_image(&server, &work_with(&signer), ":1.0.0")
        .expect_error(&format!("{}/v2/acme/tools/manifests/1.0.0: {shown} (status 403)", server.url));
    let server = Server::start([Reply::Respond(401, "", "x".repeat(10 << 20))]);
    verify_image(&server, &work_with(&signer), ":1.0.0")
        .expect_error(&format!("{}/v2/acme/tools/manifests/1.0.0: Unauthorized (status 401)", server.url));
    let server = Server::start([Registry::image(), Reply::Respond(200, "", "<html>".to_owned())]);
    verify_image(&server, &work_with(&signer), ":1.0.0").expect_error(&format!(
        "the response from {}/v2/acme/tools/referrers/{} is not an index or a manifest",
        server.url,
        image()
    ));
}

#[test]
fn a_request_to_a_busy_registry_is_retried() {
    let signer = Signer::new();
    let registry = Registry::new(&signer.sign(statement().to_json()));
    let busy = Reply::Respond(429, "Retry-After: 0\r\n", String::new());
    let replies = [busy, Registry::image(), registry.index(), registry.artifact(), registry.blob()];
    let printed = verify_image(&Server::start(replies), &work_with(&signer), ":1.0.0");
    assert_eq!(printed.success(), printed_statement());
}

/// Runs `packs verify` with this username and password for the registry. Fails if standard error contains the password
/// `hunter2`.
fn verify_as(server: &Server, work: &Work, username: &str, password: Option<&str>) -> Printed {
    let mut command = packs(Path::new(&work.path("")));
    command.args(["verify", &reference(server, ":1.0.0"), "--key", "key.pem", "--username", username]);
    command.envs(password.map(|password| ("PACKS_REGISTRY_PASSWORD", password)));
    let printed = work.run(&mut command);
    assert!(!printed.err.contains("hunter2"), "{printed:?}");
    printed
}

#[test]
fn the_password_is_sent_only_to_the_registry() {
    let signer = Signer::new();
    let registry = Registry::new(&signer.sign(statement().to_json()));
    let storage = Server::start([registry.blob()]);
    let location: &'static str = Box::leak(format!("Location: {}/blob\r\n", storage.url).into_boxed_str());
    let redirect = Reply::Respond(307, location, String::new());
    let server = Server::start([Registry::image(), registry.index(), registry.artifact(), redirect]);
    let work = work_with(&signer);
    assert_eq!(verify_as(&server, &work, "ci", Some("hunter2")).success(), printed_statement());
    // The username and the password in base64.
    let basic = "authorization: Basic Y2k6aHVudGVyMg==".to_owned();
    assert!(server.received().iter().all(|request| request.headers.contains(&basic)));
    let stored = storage.received();
    assert_eq!(stored[0].line, "GET /blob");
    assert!(!stored[0].has_credentials(), "{stored:?}");

    let server = Server::start([]);
    verify_as(&server, &work, "ci", None).expect_error("`PACKS_REGISTRY_PASSWORD` is not set; `--username` needs it");
    let printed = server.packs(&work, &["verify", ID, "--key", "key.pem", "--username", "ci"]);
    printed.expect_error("`--username` is for a registry; verify an image reference instead of a pack's id");
}
