//! Validates arbitrary archives. Validation must not panic. If the `tar` crate, an independent parser, can read an
//! accepted archive, the files that it finds must be exactly those in the pack, except for files that validation drops.
//!
//! The input is an uncompressed tar. Since the fuzzer would rarely produce valid checksums or a valid gzip stream, this
//! target repairs the header checksums and wraps the tar in gzip without compression.

#![no_main]

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
};

use flate2::Compression;
use libfuzzer_sys::fuzz_target;
use pack_format::{EntryKind, Tree, ValidationError};
use test_support::{
    archive::{BLOCK, gzip_at, repair_checksum},
    validation::{ValidatedPack, validate},
};

/// The execute bit and content of each file, by path.
type Files = BTreeMap<String, (bool, Vec<u8>)>;

fuzz_target!(|input: &[u8]| {
    let mut tar = input.to_vec();
    repair_checksums(&mut tar);
    // Pad the last block, and add the end-of-archive marker that most inputs lack.
    tar.resize(tar.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    match validate(&gzip_at(&tar, Compression::none())) {
        Ok(validated) => {
            check_invariants(&validated.pack.tree);
            if let Ok(expected) = read_with_tar_crate(&tar) {
                assert_eq!(files(&validated), expected);
            }
        }
        Err(ValidationError::Invalid(problems)) => assert!(!problems.is_empty()),
        Err(ValidationError::TooLarge(limit)) => assert!(!limit.to_string().is_empty()),
        Err(ValidationError::Io(error)) => panic!("reading memory failed: {error}"),
    }
});

/// Repairs the checksum of every header. Each header's size field gives the position of the next header.
fn repair_checksums(tar: &mut [u8]) {
    let mut position = 0;
    while let Some(block) = tar.get_mut(position..position + BLOCK) {
        position += BLOCK;
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        repair_checksum(block);
        let size = tar::Header::from_byte_slice(block).entry_size().unwrap_or(0) as usize;
        if size > tar.len() {
            return;
        }
        position += size.next_multiple_of(BLOCK);
    }
}

/// Checks that the paths are sorted, distinct and relative, and that every parent directory has an entry.
fn check_invariants(tree: &Tree) {
    let entries = tree.entries();
    assert!(entries.is_sorted_by(|a, b| a.path < b.path));
    for entry in entries {
        assert!(!entry.path.split('/').any(|component| matches!(component, "" | "." | "..")));
        if let Some((parent, _)) = entry.path.rsplit_once('/') {
            let parent = entries.iter().find(|entry| entry.path == parent).expect("every parent has an entry");
            assert_eq!(parent.kind, EntryKind::Directory);
        }
    }
}

fn files(validated: &ValidatedPack) -> Files {
    validated.listing().into_iter().filter_map(|(path, file)| Some((path, file?))).collect()
}

/// Reads a pack's files with the `tar` crate. Omits the files that validation drops, and strips a wrapping directory.
/// Fails for some valid archives, such as those with numeric fields that contain only NULs, or with a GNU long name
/// that ends with several NULs: the crate removes only one of them, and cannot unpack a file with a NUL in its name.
fn read_with_tar_crate(tar: &[u8]) -> io::Result<Files> {
    let mut files = Files::new();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("names are UTF-8");
        if name.contains('\0') {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        let path = name.strip_prefix("./").unwrap_or(&name).to_owned();
        let is_ignored = path.split('/').any(|component| component == ".DS_Store" || component.starts_with("._"));
        if name.ends_with('/') || is_ignored {
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        let executable = entry.header().mode()? & 0o111 != 0;
        assert_eq!(files.insert(path, (executable, content)), None);
    }
    if !files.contains_key("pack.yaml") {
        let wrapped = files.into_iter().filter_map(|(path, file)| {
            let (_, path) = path.split_once('/')?;
            Some((path.to_owned(), file))
        });
        files = wrapped.collect();
    }
    files.retain(|path, _| !matches!(path.split('/').next(), Some(".gitignore" | ".gitattributes")));
    Ok(files)
}
