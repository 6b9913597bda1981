use std::ops::Range;

use test_support::archive::{
    Archive, CHECKSUM, DEV_MAJOR, DEV_MINOR, GID, Header, LINK_NAME, MAGIC_AND_VERSION, MODE, MTIME, NAME, PREFIX,
    SIZE, STAR_ATIME, STAR_TRAILER, UID,
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
fn rejects_a_checksum_that_is_a_sum_of_signed_bytes() {
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
    let checksum = file().checksum();
    let base_256 = [&[0x80, 0, 0, 0], checksum.to_be_bytes().as_slice()].concat();
    for field in [
        b"        ".to_vec(),
        b"12x456\0 ".to_vec(),
        b"-00001\0 ".to_vec(),
        b"0o1234\0 ".to_vec(),
        // GNU tar rejects base-256. Node-tar rejects a checksum without a space or NUL after it, and libarchive rejects
        // one with a NUL before it.
        base_256,
        format!("{checksum:08o}").into_bytes(),
        format!("\0{checksum:06o} ").into_bytes(),
    ] {
        assert_rejected(
            Archive::pack().header(file().field(CHECKSUM, field)),
            &["the header at byte 1024 has a checksum field that is not a well-formed number"],
        );
    }
}

const POSIX: &str = "create the archive with `tar --format=posix`";
const OWNER: &str = "create the archive with `tar --owner=0 --group=0`";
const TIME: &str = "set the file's time with `touch`, and create the archive with `tar --format=posix`";

/// Asserts that a header is rejected for `reason` if `field` contains `bytes`.
#[track_caller]
fn assert_number_rejected((name, field, fix): (&str, Range<usize>, &str), bytes: &[u8], reason: &str) {
    assert_rejected(
        Archive::pack().header(file().field(field, bytes)),
        &[&format!("the header at byte 1024 of entry `guides/a.md` has a field `{name}` that {reason}; {fix}")],
    );
}

#[test]
fn rejects_malformed_numbers() {
    for (name, field, fix) in [
        ("mode", MODE, POSIX),
        ("uid", UID, OWNER),
        ("gid", GID, OWNER),
        ("size", SIZE, POSIX),
        ("mtime", MTIME, TIME),
        ("devmajor", DEV_MAJOR, POSIX),
        ("devminor", DEV_MINOR, POSIX),
    ] {
        for malformed in [
            b"9".as_slice(),
            b"+1",
            b"-1",
            b"0o7",
            b"1_0",
            b"1 2",
            b"1\x002",
            b"\x001",
            b"\t1",
            b" x",
            b"\x811",
            b"\xfe1",
        ] {
            assert_number_rejected((name, field.clone(), fix), malformed, "is not a well-formed number");
        }
    }
}

#[test]
fn rejects_a_blank_number_without_a_nul_after_the_first_byte() {
    for (name, field, fix) in
        [("mode", MODE, POSIX), ("uid", UID, OWNER), ("gid", GID, OWNER), ("size", SIZE, POSIX), ("mtime", MTIME, TIME)]
    {
        for first in [b' ', 0] {
            let mut blanks = vec![b' '; field.len()];
            blanks[0] = first;
            assert_number_rejected((name, field.clone(), fix), &blanks, "is not a well-formed number");
        }
    }
}

#[test]
fn rejects_a_mode_in_base_256() {
    let field = ("mode", MODE, POSIX);
    assert_number_rejected(
        field.clone(),
        &[0x80, 0, 0, 0, 0, 0, 1, 0xed],
        "is in base-256, which some tar readers misread",
    );
    assert_number_rejected(field, &[0xff; 8], "is in base-256, which some tar readers misread");
}

#[test]
fn rejects_owner_ids_that_do_not_fit_in_32_bits() {
    for (name, field) in [("uid", UID), ("gid", GID)] {
        let field = (name, field, OWNER);
        let minus_two = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe];
        assert_number_rejected(field.clone(), &minus_two, "is -2, but must be from 0 to 4294967295");
        let too_large = [0x80, 0, 0, 1, 0, 0, 0, 0];
        assert_number_rejected(field, &too_large, "is 4294967296, but must be from 0 to 4294967295");
    }
}

#[test]
fn rejects_sizes_and_times_that_are_too_large_or_too_small() {
    let size = |bytes: [u8; 12], value: &str| {
        let reason = format!("is {value}, but must be from 0 to 9223372036854775807");
        assert_number_rejected(("size", SIZE, POSIX), &bytes, &reason);
    };
    size([0xff; 12], "-1");
    size([0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], "18446744073709551616");
    size([0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0], "9223372036854775808");
    // Node-tar ignores an entry with a number that is not a safe integer in JavaScript.
    let time = |bytes: [u8; 12], value: &str| {
        let reason = format!("is {value}, but must be from -9007199254740991 to 9007199254740991");
        assert_number_rejected(("mtime", MTIME, TIME), &bytes, &reason);
    };
    time([0x80, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0], "9007199254740992");
    time([0xff, 0xff, 0xff, 0xff, 0xff, 0xe0, 0, 0, 0, 0, 0, 0], "-9007199254740992");
    // Rust's `tar` writes -1 in this form.
    time([0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "18446744073709551615");
}

#[test]
fn explains_what_gnu_tar_writes_in_place_of_the_prefix() {
    let times = "14722531400\x0014722531400\0";
    assert_rejected(
        Archive::pack().header(Header::gnu("guides/a.md").field(PREFIX, times)),
        &["the header at byte 1024 of entry `guides/a.md` is in the format of an incremental dump: it has access and \
           change times in bytes that some tar readers read as part of the name; create the archive without \
           `--listed-incremental` and `--incremental`"],
    );
    for (typeflag, problem) in [
        (b'S', "is a sparse file; archive it without `tar --sparse`"),
        (b'M', "is continued from another volume; archive it without `tar --multi-volume`"),
    ] {
        let header = Header::gnu("guides/a.md").typeflag(typeflag).field(PREFIX, times);
        assert_rejected(Archive::pack().header(header), &[&format!("entry `guides/a.md` at byte 1024 {problem}")]);
    }
}

#[test]
fn rejects_a_prefix_in_a_format_without_one() {
    for header in [
        Header::gnu("guides/a.md"),
        Header::v7("guides/a.md"),
        Header::ustar("guides/a.md").field(MAGIC_AND_VERSION, "ustar\0\0\0"),
    ] {
        for prefix in ["scripts", "\0x"] {
            assert_rejected(
                Archive::pack().header(header.clone().field(PREFIX, prefix)),
                &["the header at byte 1024 has data in the `prefix` field, which its format does not have but some \
                   tar readers read as part of the name; create the archive with `tar --format=posix`"],
            );
        }
    }
}

#[test]
fn rejects_bytes_after_the_nul_in_a_name() {
    for (name, field, bytes) in [
        ("name", NAME, "guides/a\0b"),
        ("prefix", PREFIX, "guides\0b"),
        ("prefix", PREFIX, "\0b"),
        ("linkname", LINK_NAME, "\0b"),
    ] {
        let problem = format!(
            "has bytes after the first NUL in its `{name}` field, and some tar readers read them as part of the value; \
             create the archive with `tar --format=posix`"
        );
        let header = file().field(field, bytes);
        assert_rejected(Archive::pack().header(header.clone()), &[&format!("the header at byte 1024 {problem}")]);
        assert_rejected(
            Archive::pack().header(header.typeflag(b'x')).file("guides/b", b""),
            &[&format!("the header at byte 1024 {problem}")],
        );
    }
}

#[test]
fn rejects_a_long_prefix_or_a_malformed_time_with_a_star_trailer() {
    let prefix = |length: usize| format!("guides/{}", "p".repeat(length - 7));
    for length in [131, 155] {
        assert_rejected(
            Archive::pack().header(file().field(PREFIX, prefix(length)).field(STAR_TRAILER, "tar\0")),
            &["the header at byte 1024 has star's trailer but a prefix of more than the 130 bytes that star \
               allows, so tar readers disagree on the name; create the archive with `tar --format=posix`"],
        );
    }
    let times = file().field(PREFIX, "guides").field(STAR_ATIME, "x").field(STAR_TRAILER, "tar\0");
    assert_rejected(
        Archive::pack().header(times),
        &[
            "the header at byte 1024 of entry `guides/a.md` has a field `atime` that is not a well-formed number; create \
           the archive with `tar --format=posix`",
        ],
    );
}

#[test]
fn rejects_a_file_whose_name_is_entirely_in_the_prefix() {
    for (typeflag, problem) in [
        (
            b'0',
            "is a file, but its name ends with `/`, which marks a directory; create the archive with `tar --format=posix`",
        ),
        (
            0,
            "has the typeflag NUL and a name that ends with `/`, which makes it a file to some tar readers and a \
             directory to others; create the archive with `tar --format=posix`",
        ),
    ] {
        assert_rejected(
            Archive::pack().header(file().field(PREFIX, "guides").field(NAME, "").typeflag(typeflag)),
            &[&format!("entry `guides/` at byte 1024 {problem}")],
        );
    }
}

#[test]
fn rejects_a_file_with_a_link_target() {
    assert_rejected(
        Archive::pack().header(file().field(LINK_NAME, "pack.yaml")),
        &["entry `guides/a.md` at byte 1024 has a link target but is not a link"],
    );
}
