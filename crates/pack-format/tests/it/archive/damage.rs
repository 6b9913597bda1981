//! Tests that damage is detected: the archives are truncated at every byte, or have each byte changed in turn.

use std::{fs, path::PathBuf};

use flate2::Compression;
use test_support::{
    archive::{Archive, BLOCK, CHECKSUM, Header, gzip, gzip_at, repair_checksum},
    listing::{Listing, read_directory},
    readers::Reader,
    validation::validate,
};

use crate::support::problems;

/// Returns a small archive with an entry in every tar format, and with PAX and GNU extension headers.
fn all_formats() -> Archive {
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

/// Wraps a tar in gzip without compression, for speed.
fn stored(tar: &[u8]) -> Vec<u8> {
    gzip_at(tar, Compression::none())
}

/// Returns the files of a valid upload, or `None` if the upload is invalid.
fn listing(upload: &[u8]) -> Option<Listing> {
    validate(upload).ok().map(|validated| validated.listing())
}

#[test]
fn rejects_a_truncated_upload() {
    let upload = all_formats().tar_gz();
    assert!(listing(&upload).is_some());
    for length in 0..upload.len() {
        assert_eq!(problems(&upload[..length]).len(), 1, "{length} bytes");
    }
}

#[test]
fn rejects_a_truncated_tar() {
    let tar = all_formats().tar();
    for length in 0..tar.len() {
        assert_eq!(problems(&stored(&tar[..length])).len(), 1, "{length} bytes");
    }
}

#[test]
fn a_changed_byte_in_an_upload_is_rejected_or_does_not_change_the_pack() {
    let upload = Archive::pack().file("data/a", b"content").tar_gz();
    let expected = listing(&upload);
    // RFC 1952, section 2.3: the time, the extra flags and the operating system do not affect the content.
    let without_meaning = [4, 5, 6, 7, 8, 9];
    for index in 0..upload.len() {
        for change in [0x01, 0x10, 0x80, 0xff] {
            let mut changed = upload.clone();
            changed[index] ^= change;
            let found = listing(&changed);
            if without_meaning.contains(&index) {
                assert_eq!(found, expected, "byte {index}");
            } else {
                // A deflate stream contains padding bits, and the same data can be encoded in several ways.
                assert!(found.is_none() || found == expected, "byte {index}");
            }
        }
    }
}

#[test]
fn the_checksum_detects_a_changed_byte_in_a_header() {
    let tar = all_formats().tar();
    let original = listing(&stored(&tar));
    for start in headers(&tar) {
        for index in start..start + BLOCK {
            let mut changed = tar.clone();
            changed[index] ^= 0x10;
            let found = listing(&stored(&changed));
            // In the checksum field, a leading zero becomes a space, which does not change the number.
            let is_same_number = CHECKSUM.contains(&(index - start)) && found == original;
            assert!(found.is_none() || is_same_number, "byte {index}");
        }
    }
}

/// Changes each byte of the tar in turn. If the byte is in a header, also repairs the header's checksum. If validation
/// accepts a changed tar and finds a different pack in it, every other reader must unpack exactly that pack.
#[test]
fn a_changed_byte_is_rejected_or_read_the_same_way_by_all_readers() {
    let tar = all_formats().tar();
    let original = listing(&gzip(&tar)).unwrap();
    let headers = headers(&tar);
    let scratch = tempfile::tempdir().unwrap();
    let mut accepted: Vec<(PathBuf, Listing)> = Vec::new();
    let mut rejected = 0;
    for index in 0..tar.len() {
        let header = headers.iter().copied().find(|start| (*start..start + BLOCK).contains(&index));
        for change in [0x01, 0x10, 0x80] {
            let mut changed = tar.clone();
            changed[index] ^= change;
            if let Some(start) = header {
                repair_checksum(&mut changed[start..start + BLOCK]);
            }
            match listing(&stored(&changed)) {
                None => rejected += 1,
                Some(found) if found == original => {}
                Some(found) => {
                    let archive = scratch.path().join(format!("{index}-{change}.tar"));
                    fs::write(&archive, changed).unwrap();
                    accepted.push((archive, found));
                }
            }
        }
    }
    assert!(accepted.len() > 80 && rejected > 2000, "{} accepted and {rejected} rejected", accepted.len());
    for reader in Reader::installed() {
        // Only Python unpacks all archives in one process, so the other readers are given a sample.
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

/// Returns the positions of all header blocks. These are the blocks with a correct checksum.
fn headers(tar: &[u8]) -> Vec<usize> {
    let is_header = |start: &usize| {
        let block = &tar[*start..start + BLOCK];
        let mut repaired = block.to_vec();
        repair_checksum(&mut repaired);
        block.iter().any(|byte| *byte != 0) && block[CHECKSUM] == repaired[CHECKSUM]
    };
    (0..tar.len()).step_by(BLOCK).filter(is_header).collect()
}
