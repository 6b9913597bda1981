//! Tests that umoci unpacks, and podman mounts, exactly the pack's files from the image of a generated pack.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pack_format::{
    Digest,
    image::{Image, MANIFEST_MEDIA_TYPE},
};
use serde_json::json;
use test_support::{
    listing::{Listing, read_directory},
    run, tool,
    validation::validate,
};

use crate::archive::generated::generated_archives;

/// Writes an OCI image layout (OCI image spec, "Image Layout") with one image, tagged `pack`.
fn write_layout(directory: &Path, image: &Image, layer: &[u8]) {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    for blob in [&image.config[..], &image.manifest, layer] {
        let digest = Digest::sha256(blob).to_string();
        fs::write(blobs.join(digest.trim_start_matches("sha256:")), blob).unwrap();
    }
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": MANIFEST_MEDIA_TYPE,
            "digest": image.digest,
            "size": image.manifest.len(),
            "annotations": {"org.opencontainers.image.ref.name": "pack"},
        }],
    });
    fs::write(directory.join("index.json"), index.to_string()).unwrap();
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).unwrap();
}

/// Writes an image layout for each generated pack. Returns each layout's path and the pack's files.
fn layouts(directory: &Path) -> Vec<(PathBuf, Listing)> {
    let layout = |(index, archive): (usize, Vec<u8>)| {
        let mut pack = validate(&archive).unwrap();
        let (image, layer) = (pack.image(), pack.layer());
        let layout = directory.join(format!("layout{index}"));
        write_layout(&layout, &image, &layer);
        (layout, pack.listing())
    };
    generated_archives().into_iter().map(|archive| archive.upload).enumerate().map(layout).collect()
}

#[test]
fn umoci_unpacks_the_packs_files() {
    if tool("umoci").is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (index, (layout, expected)) in layouts(directory.path()).into_iter().enumerate() {
        let bundle = directory.path().join(format!("bundle{index}"));
        let image = format!("{}:pack", layout.display());
        run(Command::new("umoci").args(["unpack", "--rootless", "--image", &image]).arg(&bundle));
        assert_eq!(read_directory(&bundle.join("rootfs")), expected, "pack {index}");
    }
}

/// podman mounts the images even if they are pulled with `--arch arm64`, which does not match their platform,
/// `linux/amd64`. Mounting requires root.
#[test]
fn podman_mounts_the_packs_files() {
    if tool("podman").is_none() || run(Command::new("id").arg("-u")).trim() != "0" {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let podman = || {
        let mut podman = Command::new("podman");
        podman.arg("--root").arg(directory.path().join("storage"));
        podman.arg("--runroot").arg(directory.path().join("run"));
        podman.args(["--storage-driver", "vfs"]);
        // podman names an image after the path of its layout, and the name must be in lower case. The path of a
        // temporary directory can contain upper-case letters, so use relative paths.
        podman.current_dir(directory.path());
        podman
    };
    for (chunk, packs) in layouts(directory.path()).chunks(64).enumerate() {
        let architecture = if chunk % 2 == 0 { "arm64" } else { "amd64" };
        let images = packs.iter().map(|(layout, _)| format!("oci:{}:pack", layout.file_name().unwrap().display()));
        let ids = run(podman().args(["pull", "--quiet", "--arch", architecture]).args(images));
        for (id, (layout, expected)) in ids.lines().zip(packs) {
            let mount = run(podman().args(["image", "mount", id]));
            assert_eq!(&read_directory(Path::new(mount.trim())), expected, "{} on {architecture}", layout.display());
        }
        assert_eq!(ids.lines().count(), packs.len());
        run(podman().args(["image", "umount", "--all"]));
    }
}
