//! Assembles a pack's OCI image: an uncompressed layer, a config and an image manifest. The image depends only on the
//! pack, byte for byte, so its digest is known before anything is pushed.

mod config;
mod layer;
mod manifest;

use std::io::{self, Read, Seek};

use bytes::Bytes;

pub(super) use self::layer::{entry_headers, padding, write_end};
pub use self::{
    layer::write as write_layer,
    manifest::{CONFIG_MEDIA_TYPE, Descriptor, LAYER_MEDIA_TYPE, MANIFEST_MEDIA_TYPE},
};
use crate::{Digest, Manifest, Pack};

/// A pack's image: the config, the image manifest and the descriptor of the layer. [`write_layer`] writes the layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub layer: Descriptor,
    /// The config, as JSON.
    pub config: Bytes,
    /// The image manifest, as JSON.
    pub manifest: Bytes,
    /// The digest of the image manifest, and therefore of the image.
    pub digest: Digest,
}

impl Image {
    /// Assembles the image for `pack`. `contents` must be what [`validate`](crate::validate) wrote for `pack`. Hashes
    /// the layer without storing it.
    pub fn new(pack: &Pack, contents: &mut (impl Read + Seek)) -> io::Result<Self> {
        let layer = layer::hash(&pack.tree, contents)?;
        Ok(Self::with_config(config::json(&pack.manifest, layer.digest), layer))
    }

    /// Assembles the image of a pack from its manifest, the digest of its layer and [`Self::size_bytes`], without its
    /// files. Returns `None` if the config alone is larger than `size_bytes`.
    pub fn without_files(manifest: &Manifest, layer_digest: Digest, size_bytes: u64) -> Option<Self> {
        let config = config::json(manifest, layer_digest);
        let size = size_bytes.checked_sub(config.len() as u64)?;
        Some(Self::with_config(config, Descriptor { media_type: LAYER_MEDIA_TYPE, digest: layer_digest, size }))
    }

    fn with_config(config: Vec<u8>, layer: Descriptor) -> Self {
        let manifest = Bytes::from(manifest::json(&config, &layer));
        let digest = Digest::sha256(&manifest);
        Self { layer, config: config.into(), manifest, digest }
    }

    /// Returns the total size of the config and the layer, in bytes, without the image manifest.
    pub fn size_bytes(&self) -> u64 {
        self.config.len() as u64 + self.layer.size
    }
}
