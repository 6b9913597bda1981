//! Signed provenance of images: SLSA statements, signed as DSSE envelopes, in Sigstore bundles.
//!
//! A bundle contains no certificate and no transparency log entry; a hint identifies the public key that verifies it.

mod bundle;
mod error;
mod kms;
mod public_key;
mod signer;
mod statement;

pub use self::{
    bundle::{BUNDLE_MEDIA_TYPE, is_signed_with, read_statement},
    error::Error,
    public_key::PublicKey,
    signer::{Settings, Signer},
    statement::{PREDICATE_TYPE, Statement},
};
