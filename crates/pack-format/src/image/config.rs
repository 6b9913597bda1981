use serde::Serialize;

use crate::{Digest, Manifest};

/// The creation time of every image and the modification time of every entry in its layer. The time is fixed so that
/// the digest depends only on the content. Cloud Native Buildpacks uses the same time. It is not earlier, because tools
/// such as Python's `zipfile` reject files from before 1980.
const CREATED: &str = "1980-01-01T00:00:01Z";

/// An image's config (OCI image spec, "Image Configuration"). The fields are serialized in this order.
#[derive(Serialize)]
struct Config<'a> {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    config: Execution<'a>,
    rootfs: RootFs,
    history: [History; 1],
}

/// The settings for running a container. A pack is mounted and never run, so this contains only labels.
#[derive(Serialize)]
struct Execution<'a> {
    #[serde(rename = "Labels")]
    labels: Labels<'a>,
}

/// The labels, sorted by name (OCI image spec, "Annotations").
#[derive(Serialize)]
struct Labels<'a> {
    #[serde(rename = "org.opencontainers.image.created")]
    created: &'static str,
    #[serde(rename = "org.opencontainers.image.description")]
    description: &'a str,
    #[serde(rename = "org.opencontainers.image.title")]
    title: &'a str,
    #[serde(rename = "org.opencontainers.image.version")]
    version: &'a str,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [Digest; 1],
}

/// The history entry for the layer. Tools that count layers expect one entry per layer.
#[derive(Serialize)]
struct History {
    created: &'static str,
    created_by: &'static str,
}

/// Returns the config as JSON. The layer is not compressed, so its digest is also its diff ID.
pub(super) fn json(manifest: &Manifest, layer: Digest) -> Vec<u8> {
    let labels = Labels {
        created: CREATED,
        description: &manifest.description,
        title: manifest.display_name.as_deref().unwrap_or(manifest.name.as_str()),
        version: manifest.version.as_str(),
    };
    let config = Config {
        created: CREATED,
        architecture: "amd64",
        os: "linux",
        config: Execution { labels },
        rootfs: RootFs { r#type: "layers", diff_ids: [layer] },
        history: [History { created: CREATED, created_by: "pack-format" }],
    };
    super::manifest::to_json(&config)
}
