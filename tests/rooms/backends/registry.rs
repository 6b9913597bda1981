use std::process::Command;

use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol, Config, ImageLayer},
    secrets::RegistryAuth,
};
use tempfile::TempDir;

use super::{Embedded, restart};
use crate::support::{run, tool};

/// The one file of the image's layer: a tar of one entry, made by the test's own hand.
fn layer() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(5);
    header.set_mode(0o644);
    tar.append_data(&mut header, "behavior.md", &b"hello"[..]).expect("an entry");
    tar.into_inner().expect("a tar")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_image_is_there_after_a_restart_under_the_same_reference() {
    let embedded = Embedded::start().await;
    let registry = embedded.backends.registry.to_string();
    let reference: Reference = format!("{registry}/acme/sample:1.0.0").parse().expect("a reference");
    let client = || {
        let protocol = ClientProtocol::HttpsExcept(vec![registry.clone()]);
        Client::new(ClientConfig { protocol, use_monolithic_push: true, ..Default::default() })
    };
    let media_type = "application/vnd.oci.image.layer.v1.tar".to_owned();
    let layer = ImageLayer::new(layer(), media_type.clone(), None);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        layer.sha256_digest()
    );
    let config = Config::new(config.into_bytes(), "application/vnd.oci.image.config.v1+json".to_owned(), None);
    let layers = [layer];
    let mut manifest = oci_client::manifest::OciImageManifest::build(&layers, &config, None);
    manifest.media_type = Some("application/vnd.oci.image.manifest.v1+json".to_owned());
    client().push(&reference, &layers, config, &RegistryAuth::Anonymous, Some(manifest)).await.expect("pushed");
    let digest = client().fetch_manifest_digest(&reference, &RegistryAuth::Anonymous).await.expect("a digest");

    let embedded = restart(embedded).await;
    assert_eq!(embedded.backends.registry.to_string(), registry);
    let pulled = client().pull(&reference, &RegistryAuth::Anonymous, vec![&media_type]).await.expect("pulled");
    assert_eq!(pulled.digest.as_deref(), Some(digest.as_str()));
    assert_eq!(pulled.layers[0].data, layers[0].data);

    let image = format!("docker://{reference}");
    let Some(mut skopeo) = tool("skopeo") else { return };
    assert_eq!(run(skopeo.args(["inspect", "--tls-verify=false", "--format={{.Digest}}", &image])).trim(), digest);

    let Some(mut umoci) = tool("umoci") else { return };
    let scratch = TempDir::new().unwrap();
    let layout = format!("{}:sample", scratch.path().join("layout").display());
    let copy = ["copy", "--quiet", "--src-tls-verify=false", "--preserve-digests", &image];
    run(Command::new("skopeo").args(copy).arg(format!("oci:{layout}")));
    let bundle = scratch.path().join("bundle");
    run(umoci.args(["unpack", "--rootless", "--image", &layout]).arg(&bundle));
    assert_eq!(std::fs::read_to_string(bundle.join("rootfs/behavior.md")).unwrap(), "hello");
}
