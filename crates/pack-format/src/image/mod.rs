//! Assembles a pack's OCI image: an uncompressed layer, a config and an image manifest. The image depends only on the
//! pack, byte for byte, so its digest is known before anything is pushed.

mod config;
mod layer;
mod manifest;

use std::io::{self, Read, Seek};

use bytes::Bytes;

pub use self::{
    layer::{descriptor as layer_descriptor, write as write_layer},
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
        Ok(Self::with_layer(layer::hash(&pack.tree, contents)?, &pack.manifest))
    }

    /// Assembles the image from the layer and the manifest of a pack.
    pub fn with_layer(layer: Descriptor, manifest: &Manifest) -> Self {
        let config = Bytes::from(config::json(manifest, &layer));
        let manifest = Bytes::from(manifest::json(&config, &layer));
        let digest = Digest::sha256(&manifest);
        Self { layer, config, manifest, digest }
    }

    /// Returns the total size of the config and the layer, in bytes, without the image manifest.
    pub fn size_bytes(&self) -> u64 {
        self.config.len() as u64 + self.layer.size
    }
}
