use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pack_format::Digest;
use pem::{EncodeConfig, LineEnding, Pem};

use super::Error;

/// The tag of a public key's PEM block (RFC 7468, section 13).
const TAG: &str = "PUBLIC KEY";

/// The ECDSA P-256 public key that verifies a signer's bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// A `SubjectPublicKeyInfo` (RFC 5280).
    der: Vec<u8>,
}

impl PublicKey {
    pub(super) fn from_der(der: Vec<u8>) -> Self {
        Self { der }
    }

    pub fn to_pem(&self) -> String {
        pem::encode_config(&Pem::new(TAG, &*self.der), EncodeConfig::new().set_line_ending(LineEnding::LF))
    }

    /// Returns the hint that identifies the key in bundles: the SHA-256 of its DER form, in base64. Sigstore's tools
    /// use the same hint.
    pub fn hint(&self) -> String {
        STANDARD.encode(self.digest().as_bytes())
    }

    /// Returns the SHA-256 of the key's DER form.
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.der)
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    /// Parses the text that [`PublicKey::to_pem`] returns.
    fn from_str(text: &str) -> Result<Self, Error> {
        let block = pem::parse(text).map_err(|_| Error::InvalidPublicKey)?;
        if block.tag() != TAG {
            return Err(Error::InvalidPublicKey);
        }
        Ok(Self::from_der(block.into_contents()))
    }
}
