//! Tests for `packs verify` with a pack's id.

use attestation::{Bundle, Statement};
use pack_format::Digest;
use serde_json::{Value, json};

use super::{ID, Signer, image, printed_statement, statement, value};
use crate::{
    server::{Reply, Server, json as respond},
    support::{Printed, Work},
};

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
