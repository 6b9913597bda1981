//! Any bytes as a tar: validation does not panic, and an accepted archive has the same files for the `tar` crate, which is
//! an independent reader.
//!
//! The target first corrects the checksums of the headers and wraps the tar in uncompressed gzip. The fuzzer would hardly
//! ever get either right.

#![no_main]

use std::{collections::BTreeMap, io::{self, Cursor, Read as _, Write as _}};

use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;
use pack_format::{EntryKind, Limits, ValidationError, Tree, validate};

const BLOCK: usize = 512;

/// Each file's executable bit and content by its path.
type Files = BTreeMap<String, (bool, Vec<u8>)>;

fuzz_target!(|input: &[u8]| {
    let mut tar = input.to_vec();
    repair_checksums(&mut tar);
    // Most inputs lack the blocks of zeros at the end.
    tar.resize(tar.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(&tar).expect("writing to a Vec never fails");
    let upload = gzip.finish().expect("writing to a Vec never fails");
    let mut contents = Cursor::default();
    match validate(upload.as_slice(), &Limits::default(), &mut contents) {
        Ok(pack) => {
            check_invariants(&pack.tree);
            if let Ok(theirs) = theirs(&tar) {
                assert_eq!(ours(&pack.tree, &contents), theirs);
            }
        }
        Err(ValidationError::Invalid(problems)) => assert!(!problems.is_empty()),
        Err(ValidationError::TooLarge(limit)) => assert!(!limit.to_string().is_empty()),
        Err(ValidationError::Io(error)) => panic!("reading from memory failed: {error}"),
    }
});

/// Corrects the checksum of every header, as found by following the sizes from the first one.
fn repair_checksums(tar: &mut [u8]) {
    let mut position = 0;
    while let Some(block) = tar.get_mut(position..position + BLOCK) {
        position += BLOCK;
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = tar::Header::from_byte_slice(block).entry_size().unwrap_or(0) as usize;
        if size > tar.len() {
            return;
        }
        position += size.next_multiple_of(BLOCK);
    }
}

/// Checks what [`Tree`] guarantees.
fn check_invariants(tree: &Tree) {
    let entries = tree.entries();
    assert!(entries.is_sorted_by(|a, b| a.path < b.path));
    for entry in entries {
        assert!(!entry.path.split('/').any(|component| matches!(component, "" | "." | "..")));
        if let Some((parent, _)) = entry.path.rsplit_once('/') {
            let parent = entries.iter().find(|entry| entry.path == parent).expect("each parent has an entry");
            assert_eq!(parent.kind, EntryKind::Directory);
        }
    }
}

fn ours(tree: &Tree, contents: &Cursor<Vec<u8>>) -> Files {
    let files = tree.entries().iter().filter_map(|entry| match entry.kind {
        EntryKind::Directory => None,
        EntryKind::File { executable, content } => {
            let mut bytes = Vec::new();
            content.open(contents.clone()).expect("in memory").read_to_end(&mut bytes).expect("in memory");
            Some((entry.path.clone(), (executable, bytes)))
        }
    });
    files.collect()
}

/// Returns the files that the `tar` crate reads, without those that are dropped and without a wrapping directory. It fails
/// on some archives that we accept, such as those with NULs for a number.
fn theirs(tar: &[u8]) -> io::Result<Files> {
    let mut files = Files::new();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("names are UTF-8");
        let path = name.strip_prefix("./").unwrap_or(&name).to_owned();
        let is_dropped = path.split('/').any(|component| component == ".DS_Store" || component.starts_with("._"));
        if name.ends_with('/') || is_dropped {
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
    files.retain(|path, _| !matches!(path.as_str(), ".gitignore" | ".gitattributes"));
    Ok(files)
}
