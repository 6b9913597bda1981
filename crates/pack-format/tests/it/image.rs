//! Compares the canonical layer with the output of GNU tar, and checks the digests of the image.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use pack_format::{Digest, image::Image};
use test_support::{
    archive::Archive,
    digest_by_documented_command, layer_by_gnu_tar,
    listing::{Listing, read_directory, write_directory},
    manifest::MANIFEST,
    sample_pack,
    validation::{ValidatedPack, validate},
};

/// Names of files and directories that some tar writers might encode or sort differently.
const NAMES: [&str; 12] =
    ["ä", "日本語", "😀.md", "e\u{301}", "a b", "it's", "\"quoted\"", ".hidden", "a-b", "a.b", "a", "aB"];

fn validated(files: &Listing) -> ValidatedPack {
    validate(&Archive::new().listing(files).tar_gz()).unwrap()
}

#[test]
fn the_layer_is_what_gnu_tar_writes() {
    let mut listing = Listing::new();
    let mut file = |path: String, content: &[u8]| {
        let executable = path.ends_with(".sh");
        listing.insert(path, Some((executable, content.to_vec())));
    };
    file("pack.yaml".into(), MANIFEST.as_bytes());
    for size in [0, 1, 511, 512, 513, 1023, 1024, 1025, 100_000] {
        file(format!("data/{size}"), &vec![b'x'; size]);
    }
    // Some names are about as long as the header's 100-byte field, and others much longer.
    for length in [98, 99, 100, 101, 102, 150, 200, 255] {
        file(format!("data/{}", "n".repeat(length - 5)), b"file");
        file(format!("guides/{}/in.md", "e".repeat(length - 7)), b"inside");
    }
    file(format!("data/{}deep.txt", "a-component-of-some-length/".repeat(30)), b"deep");
    for length in 70..110 {
        // In this range, the length of the `path` record gains a digit, and the names in the PAX header and in the
        // entry's own header are cut off in the middle of a character.
        for end in ["é.md", "qé.md"] {
            file(format!("templates/{}/{}{end}", "p".repeat(length), "q".repeat(length - 70)), b"cut");
        }
    }
    for name in NAMES {
        file(format!("guides/{name}"), name.as_bytes());
    }
    file("LICENSE.ü".into(), b"top-level, not ASCII");
    file("scripts/run.sh".into(), b"#!/bin/sh\n");
    file("scripts/läuft.sh".into(), b"#!/bin/sh\n");
    for index in 0..300 {
        file(format!("data/many/{index}"), index.to_string().as_bytes());
    }
    let directories =
        [98, 99, 100, 101, 102, 150, 200, 255].map(|length| format!("guides/{}/", "d".repeat(length - 7)));
    let named = NAMES.map(|name| format!("templates/{name}/"));
    listing.extend(directories.into_iter().chain(named).map(|directory| (directory, None)));
    let directory = tempfile::tempdir().unwrap();
    write_directory(directory.path(), &listing);

    let mut validated = validated(&listing);
    let (layer, expected) = (validated.layer(), layer_by_gnu_tar(directory.path()));

    if let Some(block) = layer.chunks(512).zip(expected.chunks(512)).position(|(layer, expected)| layer != expected) {
        let show = |tar: &[u8]| String::from_utf8_lossy(&tar[block * 512..(block + 1) * 512]).replace('\0', "·");
        panic!("block {block} differs:\n{}\n{}", show(&layer), show(&expected));
    }
    assert_eq!(layer.len(), expected.len());
    let descriptor = validated.image().layer;
    assert_eq!((descriptor.digest, descriptor.size), (Digest::sha256(&expected), expected.len() as u64));
}

/// For each archive, [`validate`] also checks that `write_layer_of` writes the pack's layer if and only if the archive
/// is in layer order.
#[test]
fn an_archive_that_is_sorted_by_path_is_in_layer_order() {
    let archive = |names: &[&str]| {
        let add = |archive: Archive, name: &&str| match *name {
            "pack.yaml" | "pack/pack.yaml" => archive.file(name, MANIFEST),
            name if name.ends_with('/') => archive.directory(name),
            name => archive.file(name, name.as_bytes()),
        };
        names.iter().fold(Archive::new(), add).tar_gz()
    };
    for (names, expected) in [
        (&["pack.yaml"][..], true),
        (&["data/", "data/a", "data/b/", "data/b/c", "guides/", "pack.yaml"], true),
        // Directories without an entry of their own, or with an entry after their content.
        (&["data/a", "data/b/c", "guides/d/e/f", "pack.yaml"], true),
        (&["data/a", "data/b/c", "data/b/", "data/", "pack.yaml"], true),
        // A wrapping directory, and dropped files.
        (&[".gitignore", "pack/", "pack/.gitattributes", "pack/data/._a", "pack/data/a", "pack/pack.yaml"], true),
        (&["pack/data/.DS_Store", "pack/guides/a", "pack/pack.yaml"], true),
        (&["pack.yaml", "data/a"], false),
        (&["data/b", "data/a", "pack.yaml"], false),
        (&["data/b/c", "data/a", "pack.yaml"], false),
        // A hyphen sorts before a slash.
        (&["data/a/b", "data/a-b", "pack.yaml"], false),
        (&["data/a", "data/a-b", "pack.yaml"], true),
        (&["guides/a", "pack.yaml", "data/._a"], false),
    ] {
        assert_eq!(validate(&archive(names)).unwrap().pack.is_in_layer_order, expected, "{names:?}");
    }
}

#[test]
fn the_layer_ignores_dropped_files_and_all_mode_bits_but_the_execute_bit() {
    let pack = tempfile::tempdir().unwrap();
    let (guides, script) = (pack.path().join("guides"), pack.path().join("scripts/run.sh"));
    for directory in ["guides", "scripts", "scripts/._resources"] {
        fs::create_dir(pack.path().join(directory)).unwrap();
    }
    fs::write(pack.path().join("pack.yaml"), MANIFEST).unwrap();
    fs::write(guides.join("a.md"), "a").unwrap();
    fs::write(guides.join(".gitignore"), "kept below the top").unwrap();
    fs::write(&script, "#!/bin/sh\n").unwrap();
    for ignored in
        [".gitignore", ".gitattributes", ".DS_Store", "guides/.DS_Store", "._pack.yaml", "scripts/._resources/x"]
    {
        fs::write(pack.path().join(ignored), "ignored").unwrap();
    }
    let modes = |file: u32, directory: u32, executable: u32| {
        fs::set_permissions(pack.path().join("pack.yaml"), Permissions::from_mode(file)).unwrap();
        fs::set_permissions(guides.join("a.md"), Permissions::from_mode(file)).unwrap();
        fs::set_permissions(&guides, Permissions::from_mode(directory)).unwrap();
        fs::set_permissions(&script, Permissions::from_mode(executable)).unwrap();
    };
    modes(0o644, 0o755, 0o755);
    let expected = layer_by_gnu_tar(pack.path());
    // Modes that GNU tar would keep: those under a umask of 077; those under a umask of 002, with the setgid and sticky
    // bits on the directory; and a script with the setuid and setgid bits.
    for (file, directory, executable) in [(0o600, 0o700, 0o700), (0o664, 0o3775, 0o775), (0o644, 0o755, 0o6755)] {
        modes(file, directory, executable);
        let documented = digest_by_documented_command(pack.path());
        assert_eq!(documented, Digest::sha256(&expected).to_string(), "{file:o} {directory:o} {executable:o}");
        let archive = Command::new("tar").args(["-czf", "-", "."]).current_dir(pack.path()).output().unwrap().stdout;
        assert_eq!(validate(&archive).unwrap().layer(), expected, "{file:o} {directory:o} {executable:o}");
    }
}

#[test]
fn the_digests_of_the_sample_pack_do_not_change() {
    let image = validated(&read_directory(sample_pack())).image();
    assert_eq!(image.layer.digest, Digest::sha256(&layer_by_gnu_tar(sample_pack())));
    assert_eq!(
        image.layer.digest.to_string(),
        "sha256:080dbd3016091ed731e1d8e7975292aece2841b522e9441cdf9ed06bed1a85dc"
    );
    assert_eq!(image.digest.to_string(), "sha256:d2cf4e536d99451218dfed5e19eddb855c2d105efaef39566e0ba794bee5dbe0");
    assert_eq!(image.size_bytes(), 12_395);
}

#[test]
fn an_image_can_be_assembled_without_the_packs_files() {
    let mut validated = validated(&read_directory(sample_pack()));
    let image = validated.image();
    let manifest = &validated.pack.manifest;
    assert_eq!(Image::without_files(manifest, image.layer.digest, image.size_bytes()), Some(image.clone()));
    assert_ne!(Image::without_files(manifest, image.layer.digest, image.size_bytes() + 1), Some(image.clone()));
    assert_eq!(Image::without_files(manifest, image.layer.digest, 10), None);
}

#[test]
fn the_image_does_not_depend_on_how_the_pack_was_archived() {
    let expected = validated(&read_directory(sample_pack())).image();

    let sh = |command: &str| {
        let output = Command::new("sh").args(["-c", command]).current_dir(sample_pack()).output().unwrap();
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
        let mut validated = validate(&sh(command)).unwrap_or_else(|error| panic!("{command}: {error}"));
        // This mode makes every file executable, which changes the pack.
        if command.contains("u=rwx") {
            assert_ne!(validated.image(), expected, "{command}");
        } else {
            assert_eq!(validated.image(), expected, "{command}");
        }
    }
}
