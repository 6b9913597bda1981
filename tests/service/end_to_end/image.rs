//! Tests that read the published image with skopeo and umoci.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use pack_format::Digest;
use reqwest::StatusCode;
use serde_json::Value;
use test_support::{layer_by_gnu_tar, listing::read_directory};

use crate::support::{Archive, Local, manifest, run, sample_pack, scratch, tool};

/// Returns the mode of each path under a directory, and the content of each file.
fn tree(root: &Path) -> BTreeMap<String, (u32, Option<Vec<u8>>)> {
    fn walk(root: &Path, directory: &Path, found: &mut BTreeMap<String, (u32, Option<Vec<u8>>)>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
            let content = path.is_file().then(|| fs::read(&path).unwrap());
            found.insert(name, (mode, content));
            if path.is_dir() {
                walk(root, &path, found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

/// Writes a pack that tools archive in different ways: it has long and non-ASCII paths, empty directories and unusual
/// modes.
fn awkward_pack(root: &Path) {
    let long = format!("data/{}/{}", "d".repeat(90), "e".repeat(120));
    for directory in ["guides", "data/empty", "scripts", &long, "templates"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    let write = |path: &str, content: &[u8], mode: u32| {
        fs::write(root.join(path), content).unwrap();
        fs::set_permissions(root.join(path), Permissions::from_mode(mode)).unwrap();
    };
    write("pack.yaml", manifest("awkward", "1.0.0").as_bytes(), 0o644);
    write("guides/größe-の.md", "ü".as_bytes(), 0o600);
    write("scripts/run.sh", b"#!/bin/sh\n", 0o700);
    write(&format!("{long}/deep file.txt"), &[7; 513], 0o664);
    write("data/empty.txt", b"", 0o444);
    write("data/block.bin", &[0; 512], 0o644);
}

fn archive(root: &Path) -> Vec<u8> {
    Archive::new().listing(&read_directory(root)).tar_gz()
}

async fn check_image(local: &Local, pack: &Path) {
    let created = local.upload(archive(pack)).await;
    created.expect(StatusCode::CREATED);
    let built = local.wait_for_build("acme", created.text("id")).await;
    assert_eq!(built["build_status"], "ready", "{built}");

    let image = format!("docker://{}", created.text("image_ref"));
    let Some(mut skopeo) = tool("skopeo") else { return };
    let inspected: Value = serde_json::from_str(&run(skopeo.args(["inspect", "--tls-verify=false", &image]))).unwrap();
    assert_eq!(inspected["Digest"], created.body["image_digest"]);
    assert_eq!(inspected["Layers"][0], Digest::sha256(&layer_by_gnu_tar(pack)).to_string());

    let (_guard, scratch) = scratch();
    let Some(mut umoci) = tool("umoci") else { return };
    let layout = format!("{}:pack", scratch.join("layout").display());
    run(Command::new("skopeo")
        .args(["copy", "-q", "--src-tls-verify=false", "--preserve-digests", &image])
        .arg(format!("oci:{layout}")));
    let bundle = scratch.join("bundle");
    run(umoci.args(["unpack", "--rootless", "--image", &layout]).arg(&bundle));
    let mut expected = tree(pack);
    for (mode, content) in expected.values_mut() {
        *mode = if content.is_none() || *mode & 0o111 != 0 { 0o755 } else { 0o644 };
    }
    assert_eq!(tree(&bundle.join("rootfs")), expected);
}

#[tokio::test]
async fn other_tools_read_the_packs_files_from_the_image() {
    let local = Local::start().await;
    check_image(&local, sample_pack()).await;
    let (_guard, awkward) = scratch();
    awkward_pack(&awkward);
    check_image(&local, &awkward).await;
}
