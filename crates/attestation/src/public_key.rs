use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pack_format::Digest;
use pem::{EncodeConfig, LineEnding, Pem};

/// The tag of a public key's PEM block (RFC 7468, section 13).
const TAG: &str = "PUBLIC KEY";

/// The start of the DER form of every P-256 public key with an uncompressed point: the headers of the sequences, the
/// algorithm `id-ecPublicKey` with the curve `secp256r1`, and the header of the bit string (RFC 5480, section 2).
const DER_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The size of an uncompressed point, in bytes: one byte with the value 4, and two coordinates of 32 bytes each (SEC 1,
/// section 2.3.3).
const POINT_SIZE: usize = 65;

/// The ECDSA P-256 public key that verifies a signer's bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// [`DER_PREFIX`] and an uncompressed point.
    der: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
#[error("not an ECDSA P-256 public key")]
pub struct InvalidPublicKey;

impl PublicKey {
    /// Parses a `SubjectPublicKeyInfo` (RFC 5280). Does not check that the point is on the curve.
    pub fn from_der(der: Vec<u8>) -> Result<Self, InvalidPublicKey> {
        match der.strip_prefix(&DER_PREFIX) {
            Some([4, coordinates @ ..]) if coordinates.len() == POINT_SIZE - 1 => Ok(Self { der }),
            _ => Err(InvalidPublicKey),
        }
    }

    /// Returns the uncompressed point (SEC 1, section 2.3.3).
    pub fn point(&self) -> &[u8] {
        &self.der[DER_PREFIX.len()..]
    }

    pub fn to_pem(&self) -> String {
        pem::encode_config(&Pem::new(TAG, &*self.der), EncodeConfig::new().set_line_ending(LineEnding::LF))
    }

    /// Returns the hint that identifies the key in bundles: [`PublicKey::digest`] in base64. Sigstore's tools use the
    /// same hint.
    pub fn hint(&self) -> String {
        STANDARD.encode(self.digest().as_bytes())
    }

    /// Returns the SHA-256 of the key's DER form.
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.der)
    }
}

impl FromStr for PublicKey {
    type Err = InvalidPublicKey;

    /// Parses the first block of a PEM file, and ignores everything around the block.
    fn from_str(text: &str) -> Result<Self, InvalidPublicKey> {
        let block = pem::parse(text).map_err(|_| InvalidPublicKey)?;
        if block.tag() != TAG {
            return Err(InvalidPublicKey);
        }
        Self::from_der(block.into_contents())
    }
}
