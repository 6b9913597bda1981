use std::path::PathBuf;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use pem::Pem;

use super::{DataDir, Error, backends::failed};

/// The name of the key's file in the data directory.
const FILE: &str = "signing-key.pem";

/// Returns the path of the signing key in the data directory. Creates the key if there is none.
pub(super) fn path(data: &DataDir) -> Result<PathBuf, Error> {
    if data.read(FILE)?.is_none() {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).and_then(|key| key.to_pkcs8v1());
        let key = key.map_err(|error| failed("signing", error))?;
        data.write(FILE, pem::encode(&Pem::new("PRIVATE KEY", key.as_ref())).as_bytes())?;
    }
    Ok(data.file(FILE))
}
