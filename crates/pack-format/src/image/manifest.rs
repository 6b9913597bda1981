use serde::Serialize;

use crate::Digest;

// The media types of an image's parts (OCI image spec, "OCI Image Media Types"). A layer is an uncompressed tar.
pub const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER_MEDIA_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";

/// A content descriptor (OCI image spec, "Content Descriptors"). The fields are serialized in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: &'static str,
    pub digest: Digest,
    /// The size of the content, in bytes.
    pub size: u64,
}

/// An image manifest (OCI image spec, "Image Manifest"). The fields are serialized in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageManifest<'a> {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: [&'a Descriptor; 1],
}

/// Returns the image manifest as JSON.
pub(super) fn json(config: &[u8], layer: &Descriptor) -> Vec<u8> {
    to_json(&ImageManifest {
        schema_version: 2,
        media_type: MANIFEST_MEDIA_TYPE,
        config: Descriptor { media_type: CONFIG_MEDIA_TYPE, digest: Digest::sha256(config), size: config.len() as u64 },
        layers: [layer],
    })
}

/// Serializes a document as compact JSON, with keys in the order of its fields.
pub(super) fn to_json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("structs of strings and numbers always serialize")
}
