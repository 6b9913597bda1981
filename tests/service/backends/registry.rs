//! Tests for the embedded OCI registry: the distribution API, pushes with oci-client, and copies with skopeo.

mod manifests;
mod support;
mod uploads;

use std::process::Command;

use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol, Config, ImageLayer},
    secrets::RegistryAuth,
};
use tempfile::TempDir;

use super::{Embedded, restart};
use crate::support::{Archive, run, tool};

/// Returns a layer with one file.
fn layer() -> Vec<u8> {
    Archive::new().file("behavior.md", "hello").tar()
}

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

fn client(registry: &str) -> Client {
    let protocol = ClientProtocol::HttpsExcept(vec![registry.to_owned()]);
    Client::new(ClientConfig { protocol, use_monolithic_push: true, ..Default::default() })
}

/// Pushes an image and returns its digest.
async fn push(registry: &str, reference: &Reference) -> String {
    let layers = [ImageLayer::new(layer(), LAYER.to_owned(), None)];
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        layers[0].sha256_digest()
    );
    let config = Config::new(config.into_bytes(), "application/vnd.oci.image.config.v1+json".to_owned(), None);
    let mut manifest = oci_client::manifest::OciImageManifest::build(&layers, &config, None);
    manifest.media_type = Some("application/vnd.oci.image.manifest.v1+json".to_owned());
    let client = client(registry);
    client.push(reference, &layers, config, &RegistryAuth::Anonymous, Some(manifest)).await.unwrap();
    client.fetch_manifest_digest(reference, &RegistryAuth::Anonymous).await.unwrap()
}

/// Copies an image to an OCI layout with skopeo, unpacks it with umoci, and returns the content of its file. Returns
/// `None` if a tool is missing.
fn unpack(image: &str) -> Option<String> {
    let (mut skopeo, mut umoci) = (tool("skopeo")?, tool("umoci")?);
    let scratch = TempDir::new().unwrap();
    let layout = format!("{}:sample", scratch.path().join("layout").display());
    let copy = ["copy", "--quiet", "--src-tls-verify=false", "--preserve-digests", image];
    run(skopeo.args(copy).arg(format!("oci:{layout}")));
    let bundle = scratch.path().join("bundle");
    run(umoci.args(["unpack", "--rootless", "--image", &layout]).arg(&bundle));
    Some(std::fs::read_to_string(bundle.join("rootfs/behavior.md")).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_image_survives_a_restart_under_the_same_reference() {
    let embedded = Embedded::start().await;
    let registry = embedded.backends.registry.to_string();
    let reference: Reference = format!("{registry}/acme/sample:1.0.0").parse().unwrap();
    let digest = push(&registry, &reference).await;

    let embedded = restart(embedded).await;
    assert_eq!(embedded.backends.registry.to_string(), registry);
    let pulled = client(&registry).pull(&reference, &RegistryAuth::Anonymous, vec![LAYER]).await.unwrap();
    assert_eq!(pulled.digest.as_deref(), Some(digest.as_str()));
    assert_eq!(pulled.layers[0].data, layer());

    let image = format!("docker://{reference}");
    let Some(mut skopeo) = tool("skopeo") else { return };
    assert_eq!(run(skopeo.args(["inspect", "--tls-verify=false", "--format={{.Digest}}", &image])).trim(), digest);
    if let Some(file) = unpack(&image) {
        assert_eq!(file, "hello");
    }
}

/// skopeo sends a blob as one PATCH without a length, and finishes the upload with an empty PUT.
#[tokio::test(flavor = "multi_thread")]
async fn skopeo_copies_an_image_from_one_registry_to_another() {
    let (from, to) = (Embedded::start().await, Embedded::start().await);
    let (from, to) = (from.backends.registry.to_string(), to.backends.registry.to_string());
    let digest = push(&from, &format!("{from}/acme/sample:1.0.0").parse().unwrap()).await;

    let (source, copy) = (format!("docker://{from}/acme/sample:1.0.0"), format!("docker://{to}/mirror/a-b.c/d:latest"));
    let Some(mut skopeo) = tool("skopeo") else { return };
    let plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    run(skopeo.args(["copy", "--quiet", "--preserve-digests"]).args(plain).args([&source, &copy]));
    let inspect = ["inspect", "--tls-verify=false", "--format={{.Digest}} {{.RepoTags}}", &copy];
    assert_eq!(run(Command::new("skopeo").args(inspect)).trim(), format!("{digest} [latest]"));
    if let Some(file) = unpack(&copy) {
        assert_eq!(file, "hello");
    }
}
