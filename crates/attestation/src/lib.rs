//! The formats of signed provenance: SLSA statements, signed as DSSE envelopes, in Sigstore bundles.
//! docs/attestations.md describes the values.
//!
//! A bundle has no certificate and no transparency log entry. A hint in it names the public key that verifies it. The
//! service signs with this crate, and `packs` verifies with it. The crate itself has no cryptography other than SHA-256.

#![warn(clippy::unwrap_used)]

mod bundle;
mod public_key;
mod statement;

pub use self::{
    bundle::{BUNDLE_MEDIA_TYPE, Bundle, InvalidBundle, signed_message},
    public_key::{InvalidPublicKey, PublicKey},
    statement::{BUILDER_ID, InvalidStatement, PREDICATE_TYPE, SERVICE, Statement},
};
