//! Sigstore bundles (protobuf-specs, `sigstore_bundle.proto`) and DSSE envelopes (secure-systems-lab/dsse,
//! `protocol.md` and `envelope.md`): the parts that this service uses.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{PublicKey, Statement};

pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: VerificationMaterial,
    dsse_envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial {
    public_key: KeyHint,
}

#[derive(Serialize, Deserialize)]
struct KeyHint {
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    /// In base64.
    payload: String,
    payload_type: String,
    signatures: [Signature; 1],
}

#[derive(Serialize, Deserialize)]
struct Signature {
    /// In base64.
    sig: String,
}

/// Returns a bundle as JSON. `signature` is an ECDSA signature over the payload's [`pre_authentication_encoding`], in
/// ASN.1 DER form.
pub(super) fn new_bundle(key: &PublicKey, payload: &[u8], signature: &[u8]) -> Bytes {
    let bundle = Bundle {
        media_type: BUNDLE_MEDIA_TYPE.to_owned(),
        verification_material: VerificationMaterial { public_key: KeyHint { hint: key.hint() } },
        dsse_envelope: Envelope {
            payload: STANDARD.encode(payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: [Signature { sig: STANDARD.encode(signature) }],
        },
    };
    serde_json::to_vec(&bundle).expect("structs of strings always serialize").into()
}

/// Returns the statement in a bundle, without verifying the bundle. Returns `None` if the bundle does not have the form
/// that this service writes.
pub fn read_statement(bundle: &[u8]) -> Option<Statement> {
    let bundle: Bundle = serde_json::from_slice(bundle).ok()?;
    serde_json::from_slice(&STANDARD.decode(bundle.dsse_envelope.payload).ok()?).ok()
}

/// Returns whether a bundle names `key` as the key that verifies it, without verifying the bundle.
pub fn is_signed_with(bundle: &[u8], key: &PublicKey) -> bool {
    let bundle = serde_json::from_slice::<Bundle>(bundle);
    bundle.is_ok_and(|bundle| bundle.verification_material.public_key.hint == key.hint())
}

/// Returns the message that is signed for a payload (DSSE protocol, "Signature Definition").
pub(super) fn pre_authentication_encoding(payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}
