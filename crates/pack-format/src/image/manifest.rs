use serde::Serialize;

use crate::Digest;

/// The media type of an image's manifest.
pub const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an image's config.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of a layer that is an uncompressed tar.
pub const LAYER_MEDIA_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";

/// Points at content by its digest (OCI image spec, "Content Descriptors"). Field order is byte order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What kind of content it is.
    pub media_type: &'static str,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    pub size: u64,
}

/// The manifest of an image (OCI image spec, "Image Manifest").
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: [&'a Descriptor; 1],
}

/// The manifest's bytes for an image of this config and this one layer.
pub(super) fn json(config: &[u8], layer: &Descriptor) -> Vec<u8> {
    to_json(&Manifest {
        schema_version: 2,
        media_type: MANIFEST_MEDIA_TYPE,
        config: Descriptor { media_type: CONFIG_MEDIA_TYPE, digest: Digest::sha256(config), size: config.len() as u64 },
        layers: [layer],
    })
}

/// Compact JSON, keys in the order of the fields.
pub(super) fn to_json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("structs of texts and numbers always serialise")
}
