//! Tests for the embedded OCI registry: the distribution API, pushes by the service and copies by skopeo.

mod manifests;
mod support;
mod uploads;

use std::process::Command;

use pack_upload::registry::{Blob, Credentials, RegistryAddress};
use tempfile::TempDir;

use super::{Embedded, restart};
use crate::{
    support::{run, tool},
    use_cases::fixture::{Validated, push_image, registry},
};

/// Pushes and tags the image of a pack whose `behavior.md` contains `hello`. Returns the image's digest.
async fn push(address: &RegistryAddress, image_ref: &str) -> String {
    let registry = registry(address, Credentials::None);
    let Validated { image, tree, contents } = Validated::pack("hello");
    push_image(&registry, image_ref, &image, false, tree, contents).await.unwrap();
    registry.tag(image_ref, image.manifest).await.unwrap();
    image.digest.to_string()
}

/// Copies an image to an OCI layout with skopeo, unpacks it with umoci, and returns the content of `behavior.md`.
/// Returns `None` if a tool is missing.
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
    let address = embedded.backends.registry.clone();
    let reference = format!("{address}/acme/sample:1.0.0");
    let digest = push(&address, &reference).await;

    let embedded = restart(embedded).await;
    assert_eq!(embedded.backends.registry, address);
    let registry = registry(&address, Credentials::None);
    let manifest = registry.manifest(&reference, digest.parse().unwrap()).await.unwrap().unwrap();
    for blob in Blob::all_of(&manifest).unwrap() {
        let mut content = Vec::new();
        registry.pull_blob(&reference, blob, &mut content).await.unwrap();
        assert_eq!(content.len() as u64, blob.size);
    }

    let image = format!("docker://{reference}");
    let Some(mut skopeo) = tool("skopeo") else { return };
    assert_eq!(run(skopeo.args(["inspect", "--tls-verify=false", "--format={{.Digest}}", &image])).trim(), digest);
    if let Some(file) = unpack(&image) {
        assert_eq!(file, "hello");
    }
}

/// skopeo sends a blob as one PATCH, and finishes the upload with an empty PUT.
#[tokio::test(flavor = "multi_thread")]
async fn skopeo_copies_an_image_from_one_registry_to_another() {
    let (from, to) = (Embedded::start().await, Embedded::start().await);
    let (from, to) = (from.backends.registry.clone(), to.backends.registry.clone());
    let digest = push(&from, &format!("{from}/acme/sample:1.0.0")).await;

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
