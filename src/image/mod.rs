//! A pack as an OCI image: one uncompressed layer, a config and a manifest, all of whose bytes follow from the pack's
//! content alone.

mod config;
mod layer;
mod manifest;
mod reference;

use std::io::{self, Read, Seek};

use bytes::Bytes;

pub use self::{
    layer::write as write_layer,
    manifest::{CONFIG_MEDIA_TYPE, Descriptor, LAYER_MEDIA_TYPE, MANIFEST_MEDIA_TYPE},
    reference::{InvalidRegistry, RegistryAddress},
};
use crate::pack::{Digest, Tree};

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
    /// Assembles the image of a pack: of its `tree`, and its `contents` as [`judge`](crate::pack::judge) left them. The
    /// layer is hashed and not kept.
    ///
    /// # Errors
    /// When the contents cannot be read.
    pub fn of(tree: &Tree, contents: &mut (impl Read + Seek)) -> io::Result<Self> {
        let layer = layer::descriptor(tree, contents)?;
        let config = Bytes::from(config::json(&layer));
        let manifest = Bytes::from(manifest::json(&config, &layer));
        let digest = Digest::of(&manifest);
        Ok(Self { layer, config, manifest, digest })
    }

    /// What a pull transfers beside the manifest, in bytes: config and layer.
    pub fn size_bytes(&self) -> u64 {
        self.config.len() as u64 + self.layer.size
    }
}
