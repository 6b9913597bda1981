use test_support::archive::{
    Archive, CHECKSUM, DEV_MAJOR, DEV_MINOR, GID, Header, LINK_NAME, MAGIC_AND_VERSION, MODE, MTIME, NAME, PREFIX,
    SIZE, UID,
};

use crate::support::assert_rejected;

fn file() -> Header {
    Header::ustar("guides/a.md")
}

#[test]
fn rejects_a_wrong_checksum() {
    let expected = file().checksum();
    let wrong = expected + 1;
    assert_rejected(
        Archive::pack().header(file().field(CHECKSUM, format!("{wrong:06o}\0 "))),
        &[&format!(
            "the header at byte 1024 has the checksum {wrong} but should have {expected}; the archive is damaged, so \
             create it again"
        )],
    );
}

#[test]
fn rejects_a_checksum_of_signed_bytes() {
    let header = Header::ustar("guides/é.md");
    let expected = header.checksum();
    let signed = expected - 2 * 256;
    assert_rejected(
        Archive::pack().header(header.field(CHECKSUM, format!("{signed:06o}\0 "))),
        &[&format!(
            "the header at byte 1024 has the checksum {signed} but should have {expected}; the archive is damaged, \
             so create it again"
        )],
    );
}

#[test]
fn rejects_a_malformed_checksum() {
    for checksum in ["        ", "12x456\0 ", "-00001\0 ", "0o1234\0 "] {
        assert_rejected(
            Archive::pack().header(file().field(CHECKSUM, checksum)),
            &["the header at byte 1024 has a checksum field that is not a well-formed number"],
        );
    }
}

#[test]
fn rejects_malformed_numbers() {
    let fields = [
        ("mode", MODE),
        ("uid", UID),
        ("gid", GID),
        ("mtime", MTIME),
        ("devmajor", DEV_MAJOR),
        ("devminor", DEV_MINOR),
    ];
    for (name, field) in fields.into_iter().chain([("size", SIZE)]) {
        for malformed in [
            b"     ".as_slice(),
            b"9",
            b"+1",
            b"-1",
            b"0o7",
            b"1_0",
            b"1 2",
            b"1\x002",
            b"\x001",
            b"\t1",
            b"\x811",
            b"\xfe1",
        ] {
            assert_rejected(
                Archive::pack().header(file().field(field.clone(), malformed)),
                &[&format!("the header at byte 1024 has a `{name}` field that is not a well-formed number")],
            );
        }
    }
}

#[test]
fn rejects_negative_base_256_numbers() {
    let minus_one = [0xff; 12];
    for (name, field) in [("mode", MODE), ("uid", UID), ("gid", GID), ("size", SIZE), ("devmajor", DEV_MAJOR)] {
        let bytes = &minus_one[..field.len()];
        assert_rejected(
            Archive::pack().header(file().field(field, bytes)),
            &[&format!("the header at byte 1024 has a `{name}` field that is negative")],
        );
    }
}

#[test]
fn rejects_base_256_numbers_beyond_63_bits() {
    for size in [[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]] {
        assert_rejected(
            Archive::pack().header(file().field(SIZE, size)),
            &["the header at byte 1024 has a `size` field that is larger than 63 bits"],
        );
    }
    let least = [0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_rejected(
        Archive::pack().header(file().field(SIZE, least)),
        &["the header at byte 1024 has a `size` field that is negative"],
    );
}

#[test]
fn rejects_unknown_formats() {
    for (magic, shown) in [
        ("ustar\0\0\0", r"`ustar\u{0}\u{0}\u{0}`"),
        ("ustar  0", "`ustar  0`"),
        ("ustar 00", "`ustar 00`"),
        ("USTAR\x0000", r"`USTAR\u{0}00`"),
        ("\0\0\0\0\0\x0000", r"`\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}00`"),
        ("POSIXtar", "`POSIXtar`"),
    ] {
        assert_rejected(
            Archive::pack().header(file().field(MAGIC_AND_VERSION, magic)),
            &[&format!(
                "the header at byte 1024 has the unknown magic {shown}; the format must be POSIX, GNU or v7 tar \
                 (`tar --format=posix`)"
            )],
        );
    }
}

#[test]
fn rejects_a_prefix_in_a_format_without_one() {
    for (header, format) in [(Header::gnu("guides/a.md"), "GNU"), (Header::v7("guides/a.md"), "v7")] {
        assert_rejected(
            Archive::pack().header(header.field(PREFIX, "scripts")),
            &[&format!(
                "the header at byte 1024 is in {format} format but has data after its last field, which some tar \
                 readers take as part of the name; create the archive with `tar --format=posix`"
            )],
        );
    }
}

#[test]
fn rejects_a_prefix_without_a_name() {
    assert_rejected(
        Archive::pack().header(file().field(PREFIX, "guides").field(NAME, "")),
        &["the header at byte 1024 has a name prefix but no name"],
    );
}

#[test]
fn rejects_a_file_with_a_link_target() {
    assert_rejected(
        Archive::pack().header(file().field(LINK_NAME, "pack.yaml")),
        &["entry `guides/a.md` at byte 1024 has a link target but is not a link"],
    );
}
