//! What is left of an archive after accidents: cut off anywhere, or with any byte changed.

use std::{fs, path::PathBuf};

use flate2::Compression;
use test_support::{
    archive::{Archive, BLOCK, CHECKSUM, Header, MANIFEST, gzip, gzip_at, repair_checksum},
    readers::{Listing, Reader, read_directory},
};

use crate::support::{Validated, problems};

/// A small archive with a header of every format and kind, extension headers included.
fn every_kind() -> Archive {
    Archive::pack()
        .extension(b'g', b"13 comment=x\n")
        .directory("guides/")
        .pax(&[("path", b"guides/a.md"), ("size", b"3"), ("SCHILY.xattr.user.a", b"\xff")])
        .file("guides/b.md", b"one")
        .long_name("data/c")
        .entry(Header::gnu("data/d"), b"two")
        .header(Header::v7("data/e/"))
        .entry(Header::v7("data/f").mode(0o755), b"three")
}

/// A gzip member quickly made.
fn stored(tar: &[u8]) -> Vec<u8> {
    gzip_at(tar, Compression::none())
}

fn verdict(upload: &[u8]) -> Option<Listing> {
    Validated::new(upload).ok().map(|validated| validated.listing())
}

#[test]
fn every_prefix_of_an_upload_is_refused() {
    let upload = gzip(&every_kind().tar());
    assert!(verdict(&upload).is_some());
    for length in 0..upload.len() {
        assert_eq!(problems(&upload[..length]).len(), 1, "{length} bytes");
    }
}

#[test]
fn every_prefix_of_an_archive_is_refused() {
    let tar = every_kind().tar();
    for length in 0..tar.len() {
        assert_eq!(problems(&stored(&tar[..length])).len(), 1, "{length} bytes");
    }
}

#[test]
fn every_changed_byte_of_an_upload_is_refused_or_means_nothing() {
    let upload = gzip(&Archive::new().file("pack.yaml", MANIFEST).file("data/a", b"content").tar());
    let expected = verdict(&upload);
    // RFC 1952: time, extra flags and operating system mean nothing to the content.
    let meaningless = [4, 5, 6, 7, 8, 9];
    for index in 0..upload.len() {
        for change in [0x01, 0x10, 0x80, 0xff] {
            let mut changed = upload.clone();
            changed[index] ^= change;
            let found = verdict(&changed);
            if meaningless.contains(&index) {
                assert_eq!(found, expected, "byte {index}");
            } else {
                // The deflate stream has padding bits, too, and more than one way to say the same.
                assert!(found.is_none() || found == expected, "byte {index}");
            }
        }
    }
}

#[test]
fn every_changed_byte_of_a_header_makes_its_checksum_wrong() {
    let tar = every_kind().tar();
    let original = verdict(&stored(&tar));
    for start in headers(&tar) {
        for index in start..start + BLOCK {
            let mut changed = tar.clone();
            changed[index] ^= 0x10;
            let found = verdict(&stored(&changed));
            // In the checksum itself a leading zero becomes a space that says the same.
            let says_the_same = CHECKSUM.contains(&(index - start)) && found == original;
            assert!(found.is_none() || says_the_same, "byte {index}");
        }
    }
}

/// Each byte of the tar is changed in turn, and the checksum of its header made right again. What is still accepted must
/// be what other readers see.
#[test]
fn every_changed_byte_of_an_archive_is_refused_or_read_as_others_read_it() {
    let tar = every_kind().tar();
    let original = verdict(&gzip(&tar)).expect("the pack is good");
    let headers = headers(&tar);
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let mut accepted: Vec<(PathBuf, Listing)> = Vec::new();
    let mut refused = 0;
    for index in 0..tar.len() {
        let header = headers.iter().copied().find(|start| (*start..start + BLOCK).contains(&index));
        for change in [0x01, 0x10, 0x80] {
            let mut changed = tar.clone();
            changed[index] ^= change;
            if let Some(start) = header {
                repair_checksum(&mut changed[start..start + BLOCK]);
            }
            match verdict(&stored(&changed)) {
                None => refused += 1,
                Some(found) if found == original => {}
                Some(found) => {
                    let archive = scratch.path().join(format!("{index}-{change}.tar"));
                    fs::write(&archive, changed).expect("the archive can be written");
                    accepted.push((archive, found));
                }
            }
        }
    }
    assert!(accepted.len() > 80 && refused > 2000, "{} and {refused}", accepted.len());
    for reader in Reader::installed() {
        // Starting a process takes longer than reading an archive.
        let step = if reader == Reader::Python { 1 } else { 7 };
        let sample: Vec<_> = accepted.iter().step_by(step).collect();
        let jobs: Vec<_> = sample
            .iter()
            .map(|(archive, _)| (archive.clone(), archive.with_extension(format!("{reader:?}"))))
            .collect();
        let results = reader.unpack(&jobs);
        for (((archive, expected), (_, directory)), result) in sample.into_iter().zip(&jobs).zip(results) {
            assert_eq!(result, Ok(()), "{reader:?} on {}", archive.display());
            assert_eq!(&read_directory(directory), expected, "{reader:?} on {}", archive.display());
        }
    }
}

/// Where an archive's header blocks begin: they are those whose checksum is right.
fn headers(tar: &[u8]) -> Vec<usize> {
    let is_header = |start: &usize| {
        let block = &tar[*start..start + BLOCK];
        let mut repaired = block.to_vec();
        repair_checksum(&mut repaired);
        block.iter().any(|byte| *byte != 0) && block[CHECKSUM] == repaired[CHECKSUM]
    };
    (0..tar.len()).step_by(BLOCK).filter(is_header).collect()
}
