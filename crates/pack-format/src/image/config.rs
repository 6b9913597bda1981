use serde::Serialize;

use super::Descriptor;
use crate::Digest;

/// The creation time of every image. It is fixed so that the digest depends only on the content. This value is the one
/// Cloud Native Buildpacks uses; it is after 1980 because not every tool understands earlier times.
const CREATED: &str = "1980-01-01T00:00:01Z";

/// An image's config (OCI image spec, "Image Configuration"). The fields are serialised in this order.
#[derive(Serialize)]
struct Config {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    config: Execution,
    rootfs: RootFs,
}

/// How to run a container of this image. Empty, since a pack is mounted and never run.
#[derive(Serialize)]
struct Execution {}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [Digest; 1],
}

/// Returns the config of an image with this layer. The layer is not compressed, so its digest is also its diff ID.
pub(super) fn json(layer: &Descriptor) -> Vec<u8> {
    let config = Config {
        created: CREATED,
        architecture: "amd64",
        os: "linux",
        config: Execution {},
        rootfs: RootFs { r#type: "layers", diff_ids: [layer.digest] },
    };
    super::manifest::to_json(&config)
}
