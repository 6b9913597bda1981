use test_support::archive::{Archive, gzip};

use crate::support::problems;

fn pack() -> Vec<u8> {
    Archive::pack().tar_gz()
}

#[test]
fn rejects_a_second_member() {
    let first = pack();
    let end = first.len();
    assert_eq!(
        problems(&[first, gzip(b"")].concat()),
        [format!(
            "archive: the gzip stream ends at byte {end} of the upload, but another gzip member follows; upload a \
             single gzip member"
        )],
    );
}

#[test]
fn rejects_an_archive_split_into_two_members() {
    let tar = Archive::pack().tar();
    let (first, second) = tar.split_at(1024);
    let first = gzip(first);
    let end = first.len();
    assert_eq!(
        problems(&[first, gzip(second)].concat()),
        [format!(
            "archive: the gzip stream ends at byte {end} of the upload, but another gzip member follows; upload a \
             single gzip member"
        )],
    );
}

#[test]
fn rejects_trailing_bytes_other_than_zeros() {
    for (trailing, what) in [
        (b"x".as_slice(), "other data follows; upload the archive with nothing after it"),
        (b"\0x", "other data follows; upload the archive with nothing after it"),
    ] {
        let pack = pack();
        let end = pack.len();
        assert_eq!(
            problems(&[&pack, trailing].concat()),
            [format!("archive: the gzip stream ends at byte {end} of the upload, but {what}")],
        );
    }
}

#[test]
fn rejects_a_wrong_checksum_or_length() {
    for from_end in 1..=8 {
        let mut pack = pack();
        let index = pack.len() - from_end;
        pack[index] ^= 1;
        assert_eq!(
            problems(&pack),
            ["archive: the gzip stream is damaged after 2048 unpacked bytes \
              (corrupt gzip stream does not have a matching checksum); create the archive again"],
        );
    }
}

#[test]
fn rejects_a_corrupt_deflate_stream() {
    // RFC 1951, section 3.2.3: block type 3 is reserved.
    let header = &pack()[..10];
    assert_eq!(
        problems(&[header, &[0b111]].concat()),
        ["archive: the gzip stream is damaged after 0 unpacked bytes (corrupt deflate stream); create the archive \
             again"],
    );
}

#[test]
fn rejects_an_invalid_or_truncated_gzip_header() {
    for (upload, reason) in [
        (b"\x1f\x8b\x08".as_slice(), "unexpected end of file"),
        (b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a", "invalid gzip header"),
        // RFC 1952, section 2.3.1.2: the upper bits of the flags are reserved.
        (b"\x1f\x8b\x08\x80\0\0\0\0\0\x03", "invalid gzip header"),
    ] {
        assert_eq!(
            problems(upload),
            [format!(
                "archive: is not a gzip file ({reason}); create the archive with `tar -czf pack.tar.gz -C my-pack .`"
            )],
        );
    }
}

#[test]
fn says_what_was_uploaded_instead_of_a_tar_gz() {
    let tar = Archive::pack().tar();
    let mangled = String::from_utf8_lossy(&Archive::pack().tar_gz()).into_owned();
    let latin_1: String = Archive::pack().tar_gz().into_iter().map(char::from).collect();
    let unpack = "unpack it, and create the archive with `tar -czf pack.tar.gz -C my-pack .`";
    for (upload, problem) in [
        (
            b"".as_slice(),
            "is empty; look for an error message from tar or from the program that uploads the archive".to_owned(),
        ),
        (b"PK\x03\x04\x14\0\0\0", format!("is a zip file, not a .tar.gz; {unpack}")),
        (b"7z\xbc\xaf\x27\x1c\0\x04", format!("is a 7z file, not a .tar.gz; {unpack}")),
        (
            b"\xfd7zXZ\0\0\x04",
            "is compressed with xz, not a .tar.gz; compress it with gzip instead \
             (`xz -dc pack.tar.xz | gzip > pack.tar.gz`)"
                .to_owned(),
        ),
        (
            b"BZh91AY&SY",
            "is compressed with bzip2, not a .tar.gz; compress it with gzip instead \
             (`bzip2 -dc pack.tar.bz2 | gzip > pack.tar.gz`)"
                .to_owned(),
        ),
        (
            b"\x28\xb5\x2f\xfd\x04",
            "is compressed with zstd, not a .tar.gz; compress it with gzip instead \
             (`zstd -dc pack.tar.zst | gzip > pack.tar.gz`)"
                .to_owned(),
        ),
        (&tar, "is a tar that is not compressed; compress it with `gzip pack.tar`".to_owned()),
        (mangled.as_bytes(), DAMAGED.to_owned()),
        (latin_1.as_bytes(), DAMAGED.to_owned()),
        (
            b"dist/p.tgz\n",
            "is the text `dist/p.tgz`, not a file; to send a file with curl, write `--form archive=@dist/p.tgz`"
                .to_owned(),
        ),
        (
            b"my pack\xe2\x80\xae",
            "is the text `my pack\\u{202e}`, not a file; to send a file with curl, write `--form archive=@pack.tar.gz`"
                .to_owned(),
        ),
        (
            b"[object Blob]",
            "is the text `[object Blob]`: the client converted an object to text; send the file's bytes".to_owned(),
        ),
    ] {
        assert_eq!(problems(upload), [format!("archive: {problem}")]);
    }
}

const DAMAGED: &str = "was converted to text in transit, which damaged it; send the file as binary data, with curl as \
                       `--form archive=@pack.tar.gz`";

#[test]
fn says_what_a_gzip_file_contains_instead_of_a_tar() {
    let create = "create the archive with `tar -czf pack.tar.gz -C my-pack .`";
    let zip = format!("is a gzip file whose content is a zip file, not a tar; unpack both, and {create}");
    let other = format!("is a gzip file whose content is not a tar; {create}");
    let twice = "is compressed twice; decompress it once with `gunzip`, and compress a tar only once (`tar -czf \
                 pack.tar.gz -C my-pack .`)";
    for (content, problem) in [
        (b"PK\x03\x04\x14\0\0\0".as_slice(), zip.as_str()),
        (b"hello", &other),
        (&[b'x'; 600], &other),
        (&Archive::pack().tar_gz(), twice),
    ] {
        assert_eq!(problems(&gzip(content)), [format!("archive: {problem}")]);
    }
}
