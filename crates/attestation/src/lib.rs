//! The formats of signed provenance: SLSA statements, signed as DSSE envelopes, in Sigstore bundles.
//! docs/attestations.md describes the values.
//!
//! A bundle contains no certificate and no transparency log entry, only a hint that identifies the public key to verify
//! it with. The service creates bundles with this crate, and `packs` reads them with it. The crate itself neither signs
//! nor verifies.

#![warn(clippy::unwrap_used)]

mod bundle;
mod public_key;
mod statement;

pub use self::{
    bundle::{BUNDLE_MEDIA_TYPE, Bundle, InvalidBundle, signed_message},
    public_key::{InvalidPublicKey, PublicKey},
    statement::{BUILDER_ID, InvalidStatement, PREDICATE_TYPE, SERVICE, Statement},
};
