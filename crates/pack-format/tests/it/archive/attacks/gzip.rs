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
fn rejects_trailing_bytes() {
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
fn rejects_what_is_not_gzip() {
    for (upload, reason) in [
        (b"".as_slice(), "unexpected end of file"),
        (b"\x1f\x8b\x08", "unexpected end of file"),
        (b"PK\x03\x04 is how a zip file begins", "invalid gzip header"),
        (&Archive::pack().tar(), "invalid gzip header"),
        // RFC 1952, section 2.3.1.2: the upper bits of the flags are reserved.
        (b"\x1f\x8b\x08\x80\0\0\0\0\0\x03", "invalid gzip header"),
    ] {
        assert_eq!(
            problems(upload),
            [format!(
                "archive: is not a gzip file ({reason}); create a .tar.gz, for example with `tar -czf pack.tar.gz -C \
                 my-pack .`"
            )],
        );
    }
}

#[test]
fn rejects_gzip_of_anything_but_a_tar() {
    assert_eq!(
        problems(&gzip(b"hello")),
        ["archive: the archive is cut off: it ends at byte 0 without the two blocks of zeros that end a tar"],
    );
}
