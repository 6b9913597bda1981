//! Tests for signed provenance: the bundles that builds store and push, the keys, and verification with openssl and
//! npm's `@sigstore/verify`.

mod builds;
mod keys;
mod tools;
mod verification;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use pack_upload::{
    aws::Timeouts,
    signing::{Settings, Signer},
};
use pem::Pem;

use crate::support::scratch;

pub(crate) fn new_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()
}

/// Returns the key as PEM-encoded PKCS #8.
pub(crate) fn key_file(key: &EcdsaKeyPair) -> String {
    pem::encode(&Pem::new("PRIVATE KEY", key.to_pkcs8v1().unwrap().as_ref()))
}

/// Returns a signer that reads its key from a file with this content.
pub(crate) fn file_signer(content: &str) -> Result<Signer, pack_upload::signing::Error> {
    let (_guard, directory) = scratch();
    let path = directory.join("key.pem");
    std::fs::write(&path, content).unwrap();
    Signer::new(Settings::File(path), &aws_config::SdkConfig::builder().build(), &Timeouts::default())
}
