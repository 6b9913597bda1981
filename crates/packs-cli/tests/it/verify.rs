use std::path::Path;

use attestation::{BUNDLE_MEDIA_TYPE, Bundle, PublicKey, Statement, signed_message};
use pack_format::Digest;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::{
    server::{Reply, Server, json as respond},
    support::{Printed, Work, packs},
};

const ID: &str = "pack_01JACME1000000000000000000";
const MANIFEST: &str = r#"{"schemaVersion":2}"#;

/// The bytes before the point in the DER encoding of every P-256 public key.
const DER_PREFIX: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

struct Signer {
    pair: EcdsaKeyPair,
    key: PublicKey,
}

impl Signer {
    fn new() -> Self {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_ASN1_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        let der = [&hex::decode(DER_PREFIX).unwrap(), pair.public_key().as_ref()].concat();
        Self { pair, key: PublicKey::from_der(der).unwrap() }
    }

    fn sign(&self, payload: Vec<u8>) -> Bundle {
        let signature = self.pair.sign(&SystemRandom::new(), &signed_message(&payload)).unwrap();
        Bundle::new(&self.key, payload, signature.as_ref().to_vec())
    }

    /// Returns the response to `GET /v1/attestation-keys`.
    fn keys(&self) -> Reply {
        respond(200, &json!({ "keys": [{ "hint": self.key.hint(), "pem": self.key.to_pem() }] }))
    }
}

fn image() -> Digest {
    Digest::sha256(MANIFEST.as_bytes())
}

fn statement() -> Statement {
    Statement {
        repository: "registry.example.com/acme/tools".to_owned(),
        image_digest: image(),
        org_id: "org_01JACME0000000000000000000".to_owned(),
        name: "tools".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        pack_id: ID.to_owned(),
        attempt: 1,
        image_format: 1,
        archive_sha256: Digest::sha256(b"archive"),
        layer_digest: Digest::sha256(b"layer"),
        builder_version: "0.1.0".to_owned(),
        started_on: "2026-01-01T00:00:00.000Z".to_owned(),
        finished_on: "2026-01-01T00:00:01.000Z".to_owned(),
    }
}

fn value(bundle: &Bundle) -> Value {
    serde_json::from_slice(&bundle.to_json()).unwrap()
}

fn printed_statement() -> String {
    format!(
        "verified {}

repository: registry.example.com/acme/tools
org_id: org_01JACME0000000000000000000
name: tools
version: 1.0.0
archive_sha256: {}
layer_digest: {}
builder: https://evershell.ai/pack-upload/builder (pack-upload 0.1.0)
finished_on: 2026-01-01T00:00:01.000Z
",
        image(),
        Digest::sha256(b"archive"),
        Digest::sha256(b"layer"),
    )
}

/// Runs `packs verify` for a pack whose image is [`image`].
fn verify_pack(keys: Reply, bundles: &[Value], arguments: &[&str]) -> (Printed, Server) {
    let record = respond(200, &json!({ "image_digest": image() }));
    let server = Server::start([keys, record, respond(200, &json!({ "bundles": bundles }))]);
    let printed = server.packs(&Work::new(), &[&["verify", ID], arguments].concat());
    (printed, server)
}

#[test]
fn verifies_the_image_of_a_pack_with_the_keys_of_the_service() {
    let signer = Signer::new();
    let bundles = [value(&signer.sign(statement().to_json()))];
    let (printed, server) = verify_pack(signer.keys(), &bundles, &[]);
    assert_eq!(printed.success(), printed_statement());
    assert_eq!(printed.err, "");
    let paths = ["/v1/attestation-keys", &format!("/v1/packs/{ID}"), &format!("/v1/packs/{ID}/attestations")];
    assert_eq!(server.lines(), paths.map(|path| format!("GET {path}")));
    let authenticated: Vec<bool> = server.received().iter().map(|request| request.is_authenticated()).collect();
    assert_eq!(authenticated, [false, true, true]);

    let (printed, _) = verify_pack(signer.keys(), &bundles, &["--format", "json"]);
    let expected = json!({
        "image_digest": image(),
        "attestations": [{
            "repository": "registry.example.com/acme/tools",
            "org_id": "org_01JACME0000000000000000000",
            "name": "tools",
            "version": "1.0.0",
            "pack_id": ID,
            "archive_sha256": Digest::sha256(b"archive"),
            "layer_digest": Digest::sha256(b"layer"),
            "builder": { "id": "https://evershell.ai/pack-upload/builder", "version": { "pack-upload": "0.1.0" } },
            "finished_on": "2026-01-01T00:00:01.000Z",
        }],
    });
    assert_eq!(serde_json::from_str::<Value>(printed.success()).unwrap(), expected);
}

#[test]
fn an_attestation_with_an_untrusted_key_a_bad_signature_or_a_wrong_statement_is_not_valid() {
    let (signer, other) = (Signer::new(), Signer::new());
    let bundle = signer.sign(statement().to_json());
    let altered = Bundle {
        payload: Statement { org_id: "org_01JPASTDVE0000000000000000".to_owned(), ..statement() }.to_json(),
        ..bundle.clone()
    };
    let of_other_image = Statement { image_digest: Digest::sha256(b"other"), ..statement() };
    let mut of_other_builder: Value = serde_json::from_slice(&statement().to_json()).unwrap();
    of_other_builder["predicate"]["runDetails"]["builder"]["id"] = json!("https://example.com");
    let mut unsigned = value(&bundle);
    unsigned["dsseEnvelope"]["signatures"] = json!([]);
    let mut other_type = value(&bundle);
    other_type["dsseEnvelope"]["payloadType"] = json!("text/plain");
    let unknown = |hint: &str| format!("signed with the key `{hint}`, which is not one of the trusted keys");
    let not_a_bundle = "not a Sigstore bundle with one signature of an in-toto statement".to_owned();
    for (bundle, reason) in [
        (value(&other.sign(statement().to_json())), unknown(&other.key.hint())),
        (value(&Bundle { hint: "a\u{1b}[2J".to_owned(), ..bundle.clone() }), unknown(r"a\u{1b}[2J")),
        (value(&Bundle { hint: signer.key.hint(), ..other.sign(statement().to_json()) }), SIGNATURE.to_owned()),
        (value(&altered), SIGNATURE.to_owned()),
        (
            value(&signer.sign(of_other_image.to_json())),
            format!("the statement is about the image {}, not about {}", Digest::sha256(b"other"), image()),
        ),
        (
            value(&signer.sign(of_other_builder.to_string().into_bytes())),
            "not a statement with SLSA provenance of a pack's image".to_owned(),
        ),
        (unsigned, not_a_bundle.clone()),
        (other_type, not_a_bundle.clone()),
        (json!({}), not_a_bundle),
    ] {
        let (printed, _) = verify_pack(signer.keys(), &[bundle], &[]);
        let expected = format!("error: an attestation of {} is not valid: {reason}\n", image());
        assert_eq!((printed.status, &*printed.out, printed.err), (1, "", expected));
    }
}

const SIGNATURE: &str = "the signature does not match the content";

#[test]
fn an_image_without_an_attestation_is_not_valid() {
    let (printed, _) = verify_pack(Signer::new().keys(), &[], &[]);
    let expected = format!("error: {} has no attestation\n", image());
    assert_eq!((printed.status, &*printed.out, printed.err), (1, "", expected));
}

#[test]
fn one_valid_attestation_is_enough() {
    let signer = Signer::new();
    let bundles = [json!({}), value(&signer.sign(statement().to_json()))];
    let (printed, _) = verify_pack(signer.keys(), &bundles, &[]);
    assert_eq!(printed.success(), printed_statement());
    assert!(printed.err.starts_with(&format!("warning: an attestation of {} is not valid: ", image())), "{printed:?}");
}

#[test]
fn keys_can_be_in_files() {
    let (signer, other) = (Signer::new(), Signer::new());
    let work = Work::new();
    work.write("signer.pem", signer.key.to_pem());
    work.write("other.pem", other.key.to_pem());
    let bundle = value(&signer.sign(statement().to_json()));
    let verify = |keys: &[&str]| {
        let bundles = json!({ "bundles": [bundle] });
        let server = Server::start([respond(200, &json!({ "image_digest": image() })), respond(200, &bundles)]);
        let printed = server.packs(&work, &[&["verify", ID], keys].concat());
        (printed, server.lines().len())
    };
    assert_eq!(verify(&["--key", "other.pem", "--key", "signer.pem"]).0.success(), printed_statement());
    let (printed, requests) = verify(&["--key", "other.pem"]);
    assert_eq!((printed.status, requests), (1, 2));
    work.write("not-a-key.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    verify(&["--key", "not-a-key.pem"]).0.expect_error("cannot use `not-a-key.pem`: not an ECDSA P-256 public key");
    verify(&["--key", "missing"]).0.expect_error("cannot read `missing`: No such file or directory (os error 2)");
}

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

    /// Returns an index of this referrer and another one that is not a bundle.
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

#[test]
fn a_target_is_an_id_or_a_complete_image_reference() {
    for target in [
        "tools",
        "pack_1",
        "acme/tools:1.0.0",
        "registry.example.com/tools",
        "registry.example.com/Tools:1.0.0",
        "registry.example.com/../tools:1.0.0",
        "registry.example.com/a//b:1.0.0",
        "registry.example.com/tools:a?b",
        "registry.example.com/tools@sha256:1",
        "user@registry.example.com/tools:1.0.0",
        "https://registry.example.com/tools:1.0.0",
    ] {
        let printed = Work::new().packs(&["verify", target]);
        assert_eq!(printed.status, 2, "{target}");
        assert!(printed.err.contains("must be a pack's id, or an image reference with a registry"), "{printed:?}");
    }
}
