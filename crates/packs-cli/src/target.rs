use std::str::FromStr;

use crate::{pack_id::PackId, registry::Reference};

/// The image to verify, given as a pack's id or as an image reference.
#[derive(Debug, Clone)]
pub enum Target {
    Pack(PackId),
    Image(Reference),
}

#[derive(Debug, thiserror::Error)]
#[error(
    "must be a pack's id, or an image reference with a registry and a tag or a digest, such as \
     `registry.example.com/acme/tools:1.0.0`"
)]
pub struct InvalidTarget;

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let image = || text.parse().map(Self::Image).map_err(|_| InvalidTarget);
        text.parse().map(Self::Pack).or_else(|_| image())
    }
}
