//! Tests that archives made by GNU tar, bsdtar, Python and git are valid.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use test_support::{
    listing::{Listing, read_directory},
    manifest::MANIFEST,
    tool,
    validation::validate,
};

/// Commands that archive the directory `sample`, to run in its parent directory. The first word of each is the program
/// that the command needs. A command whose program is not installed is skipped.
const COMMANDS: [&str; 17] = [
    "tar -czf out.tar.gz sample",
    "tar -czf out.tar.gz -C sample .",
    "tar -czf out.tar.gz --format=v7 sample",
    "tar -czf out.tar.gz --format=oldgnu sample",
    "tar -czf out.tar.gz --format=gnu sample",
    "tar -czf out.tar.gz --format=ustar sample",
    "tar -czf out.tar.gz --format=posix --xattrs -C sample .",
    "tar -czf out.tar.gz -b1 --sort=name --owner=0 --numeric-owner --mtime=@-1 -C sample pack.yaml data guides scripts",
    "bsdtar -czf out.tar.gz sample",
    "bsdtar -czf out.tar.gz --format=pax -C sample .",
    "bsdtar -czf out.tar.gz --format=ustar sample",
    "bsdtar -czf out.tar.gz --format=gnutar sample",
    "bsdtar -czf out.tar.gz --format=v7tar sample",
    "python3 -c 'import tarfile; t = tarfile.open(\"out.tar.gz\", \"w:gz\"); t.add(\"sample\"); t.close()'",
    "python3 -c 'import tarfile; t = tarfile.open(\"out.tar.gz\", \"w:gz\", format=tarfile.GNU_FORMAT); t.add(\"sample\", \".\"); t.close()'",
    "git --git-dir=sample.git archive -o out.tar.gz HEAD",
    "git --git-dir=sample.git archive -o out.tar.gz --prefix=sample-1.0.0/ HEAD",
];

#[test]
fn accepts_archives_from_common_tools() {
    let scratch = tempfile::tempdir().unwrap();
    for has_long_names in [false, true] {
        let directory = scratch.path().join(if has_long_names { "long" } else { "short" });
        let expected = make_pack(&directory.join("sample"), has_long_names);
        for command in COMMANDS {
            let program = command.split(' ').next().unwrap();
            // The long names do not fit in these formats.
            if tool(program).is_none() || (has_long_names && (command.contains("v7") || command.contains("ustar"))) {
                continue;
            }
            let output = shell(command, &directory);
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            let mut expected = expected.clone();
            if command.starts_with("git") {
                // Git does not store empty directories.
                expected.remove("data/empty/");
            }
            let upload = fs::read(directory.join("out.tar.gz")).unwrap();
            match validate(&upload) {
                Ok(validated) => assert_eq!(validated.listing(), expected, "{command}"),
                Err(error) => panic!("{command}: {error}"),
            }
        }
    }
}

/// Writes a pack and, if git is installed, commits it. Returns the files and directories that validation must find.
fn make_pack(directory: &Path, has_long_names: bool) -> Listing {
    let write = |path: &str, content: &[u8]| {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("pack.yaml", MANIFEST.as_bytes());
    write("guides/café.md", b"# Caf\xc3\xa9\n");
    write("data/zeros.bin", &[0; 100_000]);
    write("scripts/run.sh", b"#!/bin/sh\n");
    if has_long_names {
        write(&format!("guides/{}/{}", "é".repeat(100), "b".repeat(200)), b"long");
        write(&format!("guides/{}", "c".repeat(120)), b"long");
    }
    fs::create_dir_all(directory.join("data/empty")).unwrap();
    fs::set_permissions(directory.join("scripts/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let listing = read_directory(directory);
    write(".gitignore", b"*.tmp\n");
    write("data/.DS_Store", b"\0");
    if tool("git").is_some() {
        let commit = "git init -q . && git add -A && git -c user.name=a -c user.email=a@example.com commit -qm a \
                      && mv .git ../sample.git";
        let output = shell(commit, directory);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    listing
}

fn shell(command: &str, directory: &Path) -> std::process::Output {
    Command::new("sh").args(["-c", command]).current_dir(directory).env("LC_ALL", "C.UTF-8").output().unwrap()
}
