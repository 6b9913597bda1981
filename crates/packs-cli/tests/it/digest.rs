use std::{fs, path::Path, process::Command};

use test_support::{digest_by_documented_command, manifest::MANIFEST, sample_pack, tool};

use crate::support::Work;

const SAMPLE: &str = "\
image_digest sha256:d2cf4e536d99451218dfed5e19eddb855c2d105efaef39566e0ba794bee5dbe0
layer_digest sha256:080dbd3016091ed731e1d8e7975292aece2841b522e9441cdf9ed06bed1a85dc
size_bytes 12395
";

fn digest(work: &Work, pack: &Path) -> String {
    work.packs(&["digest", pack.to_str().unwrap()]).success().to_owned()
}

#[test]
fn prints_the_digests_and_the_size_of_the_image() {
    assert_eq!(digest(&Work::new(), sample_pack()), SAMPLE);
}

#[test]
fn the_layer_has_the_digest_that_the_documented_command_computes() {
    let work = Work::new();
    work.packs(&["digest", sample_pack().to_str().unwrap(), "--layer", "layer.tar"]).success();
    let layer = pack_format::Digest::sha256(&fs::read(work.path("layer.tar")).unwrap()).to_string();
    assert_eq!(layer, digest_by_documented_command(sample_pack()));
    assert!(SAMPLE.contains(&layer));
}

#[test]
fn archives_of_a_directory_have_the_same_digest_whatever_tool_made_them() {
    let work = Work::new();
    let directory = sample_pack().to_str().unwrap();
    work.packs(&["archive", directory, "-o", "packs.tgz"]).success();
    assert_eq!(digest(&work, &work.path("packs.tgz")), SAMPLE);
    let commands = [
        ("python3", format!("python3 -c 'import shutil; shutil.make_archive(\"made\", \"gztar\", \"{directory}\")'")),
        ("bsdtar", format!("bsdtar -cf - -C '{directory}' . | gzip > made.tar.gz")),
        ("bsdtar", format!("bsdtar -czf - --format ustar -C '{directory}/..' sample > made.tar.gz")),
    ];
    for (name, command) in commands {
        let Some(_) = tool(name) else { continue };
        let status = Command::new("sh").args(["-c", &command]).current_dir(work.path("")).status().unwrap();
        assert!(status.success(), "{command}");
        assert_eq!(digest(&work, &work.path("made.tar.gz")), SAMPLE, "{command}");
    }
}

#[test]
fn an_invalid_pack_has_no_digest() {
    let work = Work::with_pack(&[("pack.yaml", MANIFEST), ("notes.txt", "")]);
    let printed = work.packs(&["digest", "pack", "--layer", "layer.tar"]);
    assert_eq!((printed.status, printed.out.as_str()), (1, ""));
    assert!(printed.err.contains("`notes.txt` is not allowed"), "{printed:?}");
    assert!(!work.path("layer.tar").exists());
}

#[test]
fn fails_if_the_disk_is_full() {
    let directory = sample_pack().to_str().unwrap();
    Work::new()
        .packs(&["digest", directory, "--layer", "/dev/full"])
        .expect_error("cannot write `/dev/full`: No space left on device (os error 28)");
}
