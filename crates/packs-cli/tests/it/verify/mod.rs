//! Tests for `packs verify`.

mod pack;
mod registry;

use attestation::{Bundle, PublicKey, Statement, signed_message};
use pack_format::Digest;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

use crate::{
    server::{Reply, json as respond},
    support::Work,
};

const ID: &str = "pack_01JACME1000000000000000000";
const MANIFEST: &str = r#"{"schemaVersion":2}"#;

/// The bytes before the uncompressed point in the DER encoding of a P-256 public key, in hexadecimal.
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
