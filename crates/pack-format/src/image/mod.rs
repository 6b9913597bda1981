//! A pack as an OCI image: one uncompressed layer, a config and a manifest, all of whose bytes follow from the pack's
//! content alone.

mod config;
mod layer;
mod manifest;

use std::io::{self, Read, Seek};

use bytes::Bytes;

pub use self::{
    layer::write as write_layer,
    manifest::{CONFIG_MEDIA_TYPE, Descriptor, LAYER_MEDIA_TYPE, MANIFEST_MEDIA_TYPE},
};
use crate::{Digest, Tree};

/// The image of a pack, the layer's bytes aside: those are written by [`write_layer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The layer: the pack's files as a canonical tar.
    pub layer: Descriptor,
    /// The config's bytes.
    pub config: Bytes,
    /// The manifest's bytes.
    pub manifest: Bytes,
    /// The digest of the manifest's bytes, by which the image is pulled.
    pub digest: Digest,
}

impl Image {
    /// Assembles the image of a pack: of its `tree`, and its `contents` as [`validate`](crate::validate) left them. The
    /// layer is hashed and not kept.
    ///
    /// # Errors
    /// When the contents cannot be read.
    pub fn new(tree: &Tree, contents: &mut (impl Read + Seek)) -> io::Result<Self> {
        let layer = layer::descriptor(tree, contents)?;
        let config = Bytes::from(config::json(&layer));
        let manifest = Bytes::from(manifest::json(&config, &layer));
        let digest = Digest::sha256(&manifest);
        Ok(Self { layer, config, manifest, digest })
    }

    /// What a pull transfers beside the manifest, in bytes: config and layer.
    pub fn size_bytes(&self) -> u64 {
        self.config.len() as u64 + self.layer.size
    }
}
