//! Tests for signing with key files from openssl and with a KMS key, and for the hint that identifies a public key.

use std::sync::Arc;

use attestation::PublicKey;
use aws_lc_rs::{
    digest::{self, SHA256},
    encoding::AsDer as _,
    signature::{EcdsaKeyPair, KeyPair as _},
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pack_upload::{
    aws::Timeouts,
    records::Timestamp,
    signing::{Error, Settings, Signer, new_statement},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{file_signer, key_file, new_key, tools::Script};
use crate::{
    support::{record_call, run, sdk, tool},
    table::support::record,
};

/// The ARN of the emulated KMS key.
const ARN: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Emulates KMS with one key. Signs only digests, and only if the request identifies the key by its ARN.
async fn kms(State(key): State<Arc<EcdsaKeyPair>>, headers: HeaderMap, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    match headers["x-amz-target"].to_str().unwrap() {
        "TrentService.GetPublicKey" => {
            record_call("builder", "KMS.GetPublicKey");
            let der = key.public_key().as_der().unwrap();
            Json(json!({"KeyId": ARN, "PublicKey": STANDARD.encode(der.as_ref())})).into_response()
        }
        "TrentService.Sign" => {
            record_call("builder", "KMS.Sign");
            let parameters = ["KeyId", "MessageType", "SigningAlgorithm"].map(|name| request[name].as_str().unwrap());
            assert_eq!(parameters, [ARN, "DIGEST", "ECDSA_SHA_256"]);
            let message = STANDARD.decode(request["Message"].as_str().unwrap()).unwrap();
            let message = digest::Digest::import_less_safe(&message, &SHA256).unwrap();
            let signature = key.sign_digest(&message).unwrap();
            Json(json!({"KeyId": ARN, "Signature": STANDARD.encode(signature.as_ref())})).into_response()
        }
        other => (StatusCode::BAD_REQUEST, Json(json!({"__type": other}))).into_response(),
    }
}

async fn kms_signer() -> Signer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(kms).with_state(Arc::new(new_key()));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let settings = Settings::Kms("alias/attestations".to_owned());
    Signer::new(settings, &sdk(address).await, &Timeouts::default()).unwrap()
}

async fn expect_verifiable(signer: &Signer) {
    let record = record("org_01JACME0000000000000000000".parse().unwrap(), "tools", "1.0.0", "hello");
    let statement = new_statement(&record, Timestamp::now(), Timestamp::now());
    let bundle = serde_json::from_slice(&signer.sign(&statement).await.unwrap()).unwrap();
    let key = signer.public_key().await.unwrap();
    let keys = json!({"keys": [{"hint": key.hint(), "pem": key.to_pem()}]});
    for script in Script::available() {
        script.verify(&bundle, &keys, &record.release.image_digest.to_string()).unwrap();
    }
}

#[tokio::test]
async fn key_files_from_openssl_can_sign() {
    let Some(_) = tool("openssl") else { return };
    let run_openssl = |arguments: &str| run(tool("openssl").unwrap().args(arguments.split(' ')));
    for command in [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        // Writes the curve parameters and then a key in SEC 1 format.
        "ecparam -name prime256v1 -genkey",
    ] {
        expect_verifiable(&file_signer(&run_openssl(command)).unwrap()).await;
    }
    let other_curve = run_openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384");
    for content in ["", "not a key", &other_curve] {
        let error = file_signer(content).unwrap_err();
        assert!(matches!(error, Error::InvalidFile { .. }), "{error:?}");
        assert!(content.is_empty() || !format!("{error:?}").contains(content.lines().nth(1).unwrap_or(content)));
    }
}

#[tokio::test]
async fn a_kms_key_can_sign() {
    expect_verifiable(&kms_signer().await).await;
}

#[tokio::test]
async fn a_public_key_has_the_hint_that_openssl_computes() {
    let signer = file_signer(&key_file(&new_key())).unwrap();
    let key = signer.public_key().await.unwrap();
    assert_eq!(key.to_pem().parse::<PublicKey>().unwrap(), key);
    assert!(key_file(&new_key()).parse::<PublicKey>().is_err(), "a private key");

    let Some(_) = tool("openssl") else { return };
    let (_guard, directory) = crate::support::scratch();
    std::fs::write(directory.join("key.pem"), key.to_pem()).unwrap();
    let hint = "openssl pkey -pubin -in key.pem -outform der | openssl dgst -sha256 -binary | base64";
    let hint = run(std::process::Command::new("sh").args(["-c", hint]).current_dir(&directory));
    assert_eq!(hint.trim(), key.hint());
}
