use test_support::archive::{
    Archive, CHECKSUM, DEV_MAJOR, DEV_MINOR, GID, Header, LINK_NAME, MAGIC_AND_VERSION, MODE, MTIME, NAME, PREFIX,
    SIZE, UID,
};

use crate::support::refused;

fn file() -> Header {
    Header::ustar("guides/a.md")
}

#[test]
fn wrong_checksum() {
    let expected = file().checksum();
    let wrong = expected + 1;
    refused(
        Archive::pack().header(file().field(CHECKSUM, format!("{wrong:06o}\0 "))),
        &[&format!(
            "the header at byte 1024 has the checksum {wrong} but should have {expected}; the archive is damaged, so \
             create it again"
        )],
    );
}

#[test]
fn checksum_of_signed_bytes() {
    let header = Header::ustar("guides/é.md");
    let expected = header.checksum();
    let signed = expected - 2 * 256;
    refused(
        Archive::pack().header(header.field(CHECKSUM, format!("{signed:06o}\0 "))),
        &[&format!(
            "the header at byte 1024 has the checksum {signed} but should have {expected}; the archive is damaged, \
             so create it again"
        )],
    );
}

#[test]
fn unreadable_checksum() {
    for checksum in ["        ", "12x456\0 ", "-00001\0 ", "0o1234\0 "] {
        refused(
            Archive::pack().header(file().field(CHECKSUM, checksum)),
            &["the header at byte 1024 has a checksum field that is not a well-formed number"],
        );
    }
}

#[test]
fn malformed_numbers() {
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
            refused(
                Archive::pack().header(file().field(field.clone(), malformed)),
                &[&format!("the header at byte 1024 has a `{name}` field that is not a well-formed number")],
            );
        }
    }
}

#[test]
fn negative_base_256() {
    let minus_one = [0xff; 12];
    for (name, field) in [("mode", MODE), ("uid", UID), ("gid", GID), ("size", SIZE), ("devmajor", DEV_MAJOR)] {
        let bytes = &minus_one[..field.len()];
        refused(
            Archive::pack().header(file().field(field, bytes)),
            &[&format!("the header at byte 1024 has a `{name}` field that is negative")],
        );
    }
}

#[test]
fn overflowing_base_256() {
    for size in [[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]] {
        refused(
            Archive::pack().header(file().field(SIZE, size)),
            &["the header at byte 1024 has a `size` field that is larger than 63 bits"],
        );
    }
    let least = [0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    refused(
        Archive::pack().header(file().field(SIZE, least)),
        &["the header at byte 1024 has a `size` field that is negative"],
    );
}

#[test]
fn unknown_formats() {
    for (magic, shown) in [
        ("ustar\0\0\0", r"`ustar\u{0}\u{0}\u{0}`"),
        ("ustar  0", "`ustar  0`"),
        ("ustar 00", "`ustar 00`"),
        ("USTAR\x0000", r"`USTAR\u{0}00`"),
        ("\0\0\0\0\0\x0000", r"`\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}00`"),
        ("POSIXtar", "`POSIXtar`"),
    ] {
        refused(
            Archive::pack().header(file().field(MAGIC_AND_VERSION, magic)),
            &[&format!(
                "the header at byte 1024 has the unknown magic {shown}; the format must be POSIX, GNU or v7 tar \
                 (`tar --format=posix`)"
            )],
        );
    }
}

#[test]
fn a_prefix_where_the_format_has_none() {
    for (header, format) in [(Header::gnu("guides/a.md"), "GNU"), (Header::v7("guides/a.md"), "v7")] {
        refused(
            Archive::pack().header(header.field(PREFIX, "scripts")),
            &[&format!(
                "the header at byte 1024 is in {format} format but has data after its last field, which some tar \
                 readers take as part of the name; create the archive with `tar --format=posix`"
            )],
        );
    }
}

#[test]
fn a_prefix_without_a_name() {
    refused(
        Archive::pack().header(file().field(PREFIX, "guides").field(NAME, "")),
        &["the header at byte 1024 has a name prefix but no name"],
    );
}

#[test]
fn a_file_with_a_link_target() {
    refused(
        Archive::pack().header(file().field(LINK_NAME, "pack.yaml")),
        &["entry `guides/a.md` at byte 1024 has a link target but is not a link"],
    );
}
