use serde::Serialize;

use super::Descriptor;
use crate::Digest;

/// The `created` of every image, by the convention of Cloud Native Buildpacks: a fixed moment keeps the digest a
/// function of the content, and one past 1980 is understood by every tool.
const CREATED: &str = "1980-01-01T00:00:01Z";

/// The config of an image (OCI image spec, "Image Configuration"). Field order is byte order.
#[derive(Serialize)]
struct Config {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    config: Execution,
    rootfs: RootFs,
}

/// How a container would run. A pack is mounted and never run.
#[derive(Serialize)]
struct Execution {}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [Digest; 1],
}

/// The config's bytes for an image of this one layer, whose digest is its diff id since it is not compressed.
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
