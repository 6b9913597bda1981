//! The canonical layer is what GNU tar writes.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use pack_format::Digest;
use test_support::packs::{MINIMAL, archive};

use crate::support::Validated;

/// README.md's command, which anybody can recompute a layer's digest by.
const GNU_TAR: &str = r"find . -mindepth 1 -printf '%P\0' | LC_ALL=C sort -z | tar --null --no-recursion -T - --format=posix \
    --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime --mtime=@0 --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX -b1 -cf -";

fn gnu_tar(directory: &Path) -> Vec<u8> {
    let output = Command::new("sh")
        .args(["-c", GNU_TAR])
        .current_dir(directory)
        .stderr(Stdio::inherit())
        .output()
        .expect("a shell is there");
    assert!(output.status.success(), "GNU tar failed");
    output.stdout
}

fn validated(files: &[(&str, &[u8])]) -> Validated {
    Validated::new(&archive(files)).expect("a pack")
}

/// Writes the files to disk, so that GNU tar can archive them.
fn write(files: &[(&str, &[u8])], directory: &Path) {
    for (path, content) in files {
        let path = directory.join(path);
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            fs::create_dir_all(&path).expect("a directory");
            continue;
        }
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, content).expect("a file");
        let mode = if path.extension().is_some_and(|extension| extension == "sh") { 0o700 } else { 0o600 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
    }
}

#[test]
fn is_what_gnu_tar_writes() {
    let mut files: Vec<(String, Vec<u8>)> = vec![("pack.yaml".into(), MINIMAL.into()), ("templates/".into(), vec![])];
    for size in [0, 1, 511, 512, 513, 1023, 1024, 1025, 100_000] {
        files.push((format!("data/{size}"), vec![b'x'; size]));
    }
    // Names on both sides of the header's 100 bytes, as files and as directories, and far beyond.
    for length in [98, 99, 100, 101, 102, 150, 200, 255] {
        files.push((format!("data/{}", "n".repeat(length - 5)), b"file".to_vec()));
        files.push((format!("guides/{}/", "d".repeat(length - 7)), vec![]));
        files.push((format!("guides/{}/in.md", "e".repeat(length - 7)), b"inside".to_vec()));
    }
    files.push((format!("data/{}deep.txt", "a-component-of-some-length/".repeat(30)), b"deep".to_vec()));
    for length in 80..110 {
        // Where a record's length gains a digit, and where the extended header's name is cut inside of a character.
        files.push((format!("templates/{}/{}é.md", "p".repeat(length), "q".repeat(length - 70)), b"cut".to_vec()));
    }
    for name in ["ä", "日本語", "😀.md", "e\u{301}", "a b", "it's", "\"quoted\"", ".hidden", "a-b", "a.b", "a", "aB"]
    {
        files.push((format!("guides/{name}"), name.as_bytes().to_vec()));
        files.push((format!("templates/{name}/"), vec![]));
    }
    files.push(("LICENSE.ü".into(), b"top-level, not ASCII".to_vec()));
    files.push(("scripts/run.sh".into(), b"#!/bin/sh\n".to_vec()));
    files.push(("scripts/läuft.sh".into(), b"#!/bin/sh\n".to_vec()));
    for index in 0..300 {
        files.push((format!("data/many/{index}"), index.to_string().into_bytes()));
    }
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
    let directory = tempfile::tempdir().expect("a directory");
    write(&files, directory.path());

    let mut validated = validated(&files);
    let (ours, theirs) = (validated.layer(), gnu_tar(directory.path()));

    if let Some(block) = ours.chunks(512).zip(theirs.chunks(512)).position(|(ours, theirs)| ours != theirs) {
        let show = |tar: &[u8]| String::from_utf8_lossy(&tar[block * 512..(block + 1) * 512]).replace('\0', "·");
        panic!("block {block} differs:\n{}\n{}", show(&ours), show(&theirs));
    }
    assert_eq!(ours.len(), theirs.len());
    let descriptor = validated.image().layer;
    assert_eq!((descriptor.digest, descriptor.size), (Digest::sha256(&theirs), theirs.len() as u64));
}

/// The sample pack's files, as they lie in this repository.
fn sample() -> Vec<(String, Vec<u8>)> {
    fn walk(directory: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = format!("{prefix}{}", path.file_name().expect("a name").to_string_lossy());
            if path.is_dir() {
                walk(&path, &format!("{name}/"), files);
            } else {
                files.push((name, fs::read(&path).expect("a file")));
            }
        }
    }
    let mut files = Vec::new();
    walk(Path::new(SAMPLE), "", &mut files);
    files.sort();
    files
}

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/packs/sample");

#[test]
fn the_sample_pack_has_these_digests() {
    let files = sample();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
    let image = validated(&files).image();
    assert_eq!(image.layer.digest, Digest::sha256(&gnu_tar(Path::new(SAMPLE))));
    assert_eq!(
        image.layer.digest.to_string(),
        "sha256:902700f8cfc7a09e1e9b1f0986841812fa452840f19f48b976ef5d39a5f673c4"
    );
    assert_eq!(image.digest.to_string(), "sha256:f5f13034fe740c7f235d7a65f001ef0a70d8442148c63b276e4ecd3aafe35844");
    assert_eq!(image.size_bytes(), 11_972);
}

#[test]
fn is_the_same_however_the_directory_was_archived() {
    let files = sample();
    let plain: Vec<(&str, &[u8])> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
    let expected = validated(&plain).image();

    let sh = |command: &str| {
        let output = Command::new("sh").args(["-c", command]).current_dir(SAMPLE).output().expect("a shell is there");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    for command in [
        "tar -czf - .",
        "tar -czf - *",
        "tar -C .. -czf - sample",
        "tar -C .. -czf - --sort=name --owner=root:0 --mtime=@1 --mode=u=rwx,go=x sample/scripts sample/pack.yaml \
         sample/behavior.md sample/README.md sample/data sample/guides sample/templates",
        "tar --format=gnu --owner=me:4711 --mtime=@1700000000.5 -cf - . | gzip -9",
        "tar --format=posix --xattrs -b 200 -cf - * | gzip -n",
        "tar --format=v7 -cf - . | gzip -1",
        "find . -type f | LC_ALL=C sort -r | tar --no-recursion -T - -czf -",
    ] {
        let mut validated = Validated::new(&sh(command)).unwrap_or_else(|rejection| panic!("{command}: {rejection}"));
        // `--mode` above makes every file executable: which files are is content.
        if command.contains("u=rwx") {
            assert_ne!(validated.image(), expected, "{command}");
        } else {
            assert_eq!(validated.image(), expected, "{command}");
        }
    }
}
