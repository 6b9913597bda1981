//! A pack as an OCI image: one uncompressed layer, a config and a manifest, all of whose bytes follow from the pack's
//! content alone.

mod config;
mod layer;
mod manifest;
mod reference;

use bytes::Bytes;

pub use self::{
    layer::chunks as layer_chunks,
    manifest::{CONFIG_MEDIA_TYPE, Descriptor, LAYER_MEDIA_TYPE, MANIFEST_MEDIA_TYPE},
    reference::{InvalidRegistry, RegistryAddress},
};
use crate::pack::{Digest, Tree};

/// The image of a pack, the layer's bytes aside: those are made chunk by chunk by [`layer_chunks`].
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
    /// Assembles the image of a pack's files; the layer is hashed and not kept.
    pub fn of(tree: &Tree) -> Self {
        let layer = layer::descriptor(tree);
        let config = Bytes::from(config::json(&layer));
        let manifest = Bytes::from(manifest::json(&config, &layer));
        let digest = Digest::of(&manifest);
        Self { layer, config, manifest, digest }
    }

    /// What a pull transfers beside the manifest, in bytes: config and layer.
    pub fn size_bytes(&self) -> u64 {
        self.config.len() as u64 + self.layer.size
    }
}
