//! The formats of signed provenance: in-toto statements with SLSA provenance, signed as DSSE envelopes, in Sigstore
//! bundles. docs/attestations.md describes the fields of a statement.
//!
//! A bundle contains no certificate and no transparency log entry. Instead, a hint identifies the public key that
//! verifies its signature. The service creates and reads bundles with this crate, and `packs` reads them. The crate
//! itself neither signs nor verifies.

#![warn(clippy::unwrap_used)]

mod bundle;
mod public_key;
mod statement;

pub use self::{
    bundle::{BUNDLE_MEDIA_TYPE, Bundle, InvalidBundle, signed_message},
    public_key::{InvalidPublicKey, PublicKey},
    statement::{BUILDER_ID, InvalidStatement, PREDICATE_TYPE, SERVICE, Statement},
};
