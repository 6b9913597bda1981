//! Signs the provenance of images. The crate `attestation` defines the formats.

mod error;
mod kms;
mod signer;
mod statement;

pub use self::{
    error::Error,
    signer::{Settings, Signer},
    statement::new_statement,
};
