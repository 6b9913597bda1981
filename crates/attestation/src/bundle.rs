//! Sigstore bundles (protobuf-specs, `sigstore_bundle.proto`) and DSSE envelopes (secure-systems-lab/dsse,
//! `protocol.md` and `envelope.md`), as far as this service uses them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::PublicKey;

pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A payload, its signature, and a hint that identifies the public key to verify the signature with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// See [`PublicKey::hint`].
    pub hint: String,
    /// An in-toto statement as JSON.
    pub payload: Vec<u8>,
    /// An ECDSA signature of the payload's [`signed_message`], in ASN.1 DER form.
    pub signature: Vec<u8>,
}

/// The text is not a bundle like those that this service writes: version 0.3, with a key hint and one signature of an
/// in-toto statement.
#[derive(Debug, thiserror::Error)]
#[error("not a Sigstore bundle with one signature of an in-toto statement")]
pub struct InvalidBundle;

impl Bundle {
    pub fn new(key: &PublicKey, payload: Vec<u8>, signature: Vec<u8>) -> Self {
        Self { hint: key.hint(), payload, signature }
    }

    /// Parses a bundle. Does not verify the signature, and does not parse the payload.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidBundle> {
        let bundle: JsonBundle = serde_json::from_slice(json).map_err(|_| InvalidBundle)?;
        let JsonBundle { media_type, verification_material, dsse_envelope } = bundle;
        if media_type != BUNDLE_MEDIA_TYPE || dsse_envelope.payload_type != PAYLOAD_TYPE {
            return Err(InvalidBundle);
        }
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| InvalidBundle);
        let [signature] = dsse_envelope.signatures;
        Ok(Self {
            hint: verification_material.public_key.hint,
            payload: decode(&dsse_envelope.payload)?,
            signature: decode(&signature.sig)?,
        })
    }

    pub fn to_json(&self) -> Vec<u8> {
        let bundle = JsonBundle {
            media_type: BUNDLE_MEDIA_TYPE.to_owned(),
            verification_material: VerificationMaterial { public_key: KeyHint { hint: self.hint.clone() } },
            dsse_envelope: Envelope {
                payload: STANDARD.encode(&self.payload),
                payload_type: PAYLOAD_TYPE.to_owned(),
                signatures: [Signature { sig: STANDARD.encode(&self.signature) }],
            },
        };
        serde_json::to_vec(&bundle).expect("structs of strings always serialize")
    }
}

/// Returns the message to sign for a payload: its pre-authentication encoding (DSSE protocol, "Signature Definition").
pub fn signed_message(payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonBundle {
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
