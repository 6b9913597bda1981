//! Tests that valid archives from old and new tools are accepted, with the right paths in the resulting packs.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use test_support::{
    archive::{
        Archive, BLOCK, DEV_MAJOR, DEV_MINOR, GID, Header, MAGIC_AND_VERSION, MODE, MTIME, PREFIX, SIZE, STAR_ATIME,
        STAR_CTIME, STAR_TRAILER, UID, gzip, gzip_at, pax_record,
    },
    manifest::MANIFEST,
    validation::validate,
};

use crate::support::accepted_paths;

#[track_caller]
fn assert_paths(archive: Archive, expected: &[&str]) {
    assert_eq!(accepted_paths(&archive.tar_gz()), expected);
}

#[test]
fn accepts_names_with_a_leading_dot_and_slash() {
    assert_paths(
        Archive::new().directory("./").file("./pack.yaml", MANIFEST).directory("./guides/").file("./guides/.a", b""),
        &["guides/", "guides/.a", "pack.yaml"],
    );
    assert_paths(Archive::pack().directory("."), &["pack.yaml"]);
}

#[test]
fn strips_one_wrapping_directory() {
    let expected = ["guides/", "guides/a", "pack.yaml"];
    assert_paths(
        Archive::new().directory("sample-1.0/").file("sample-1.0/pack.yaml", MANIFEST).file("sample-1.0/guides/a", b""),
        &expected,
    );
    assert_paths(Archive::new().file("./sample/guides/a", b"").file("./sample/pack.yaml", MANIFEST), &expected);
    // A `.gitignore` next to the wrapping directory is dropped, so the directory is stripped all the same.
    assert_paths(
        Archive::new().file(".gitignore", b"").file("sample/pack.yaml", MANIFEST).file("sample/guides/a", b""),
        &expected,
    );
}

#[test]
fn does_not_strip_a_directory_if_the_manifest_is_at_the_top() {
    assert_paths(
        Archive::pack().file("guides/pack.yaml", b"an example"),
        &["guides/", "guides/pack.yaml", "pack.yaml"],
    );
}

#[test]
fn adds_missing_parents_and_accepts_directories_in_any_order() {
    assert_paths(
        Archive::pack().file("data/a/b/c", b""),
        &["data/", "data/a/", "data/a/b/", "data/a/b/c", "pack.yaml"],
    );
    assert_paths(
        Archive::pack().file("data/a/b/c", b"").directory("data/a/b").directory("data/").directory("data/a"),
        &["data/", "data/a/", "data/a/b/", "data/a/b/c", "pack.yaml"],
    );
    assert_paths(Archive::pack().directory("data/empty/"), &["data/", "data/empty/", "pack.yaml"]);
}

#[test]
fn drops_empty_components_and_dots() {
    assert_paths(
        Archive::new()
            .directory("././")
            .file(".//pack.yaml", MANIFEST)
            .directory("guides/./a//")
            .file("./guides//a/./b", b"")
            .header(Header::ustar("c").field(PREFIX, "guides/")),
        &["guides/", "guides/a/", "guides/a/b", "guides/c", "pack.yaml"],
    );
}

#[test]
fn accepts_every_name_for_the_root() {
    for root in ["/", "//", "/.", "./", "././", "."] {
        assert_paths(Archive::new().directory(root).file("pack.yaml", MANIFEST), &["pack.yaml"]);
        assert_paths(Archive::pack().pax(&[("path", root.as_bytes())]).directory("./"), &["pack.yaml"]);
    }
}

#[test]
fn accepts_unusual_magic_in_a_header_without_a_prefix() {
    // Dart writes the first of these, and Ant and plexus-archiver write the second.
    for magic in ["ustar\x000 ", "ustar\0\0\0", "ustar\x0001", "ustar 00", "USTAR\x0000", "        "] {
        let header = |name: &str| Header::ustar(name).field(MAGIC_AND_VERSION, magic);
        assert_paths(
            Archive::pack()
                .header(header("data/a/").typeflag(b'5'))
                .entry(header("data/a/b"), b"content")
                .pax(&[("path", b"data/c")])
                .entry(header("data/x"), b"content"),
            &["data/", "data/a/", "data/a/b", "data/c", "pack.yaml"],
        );
    }
    // Without `ustar`, this is a v7 header, in which a trailing slash marks a directory.
    let header = Header::v7("data/a/").field(MAGIC_AND_VERSION, "USTAR\x0000");
    assert_paths(Archive::pack().header(header), &["data/", "data/a/", "pack.yaml"]);
}

#[test]
fn accepts_a_directory_whose_name_is_entirely_in_the_prefix() {
    for (prefix, name) in [("guides/a", ""), ("guides/a/", ""), ("guides/a", "/")] {
        let header = Header::ustar(name).field(PREFIX, prefix).typeflag(b'5').mode(0o755);
        assert_paths(Archive::pack().header(header), &["guides/", "guides/a/", "pack.yaml"]);
    }
}

#[test]
fn accepts_star_headers() {
    let times = |header: Header| header.field(STAR_ATIME, "14722531400 ").field(STAR_CTIME, "14722531400\0");
    let prefix = format!("data/{}", "p".repeat(125));
    assert_paths(
        Archive::pack()
            .header(times(Header::ustar("a").field(PREFIX, &prefix)).field(STAR_TRAILER, "tar\0"))
            .header(times(Header::ustar("b").field(PREFIX, &prefix)))
            .header(Header::ustar("data/c").field(STAR_TRAILER, "tar\0")),
        &["data/", "data/c", &format!("{prefix}/"), &format!("{prefix}/a"), &format!("{prefix}/b"), "pack.yaml"],
    );
}

#[test]
fn accepts_a_pax_path_and_a_long_name_that_agree() {
    let path = [("path", b"data/b".as_slice()), ("mtime", b"1.5")];
    let expected = ["data/", "data/b", "pack.yaml"];
    assert_paths(Archive::pack().long_name("data/b").pax(&path).file("x", b""), &expected);
    assert_paths(Archive::pack().pax(&path).long_name("data/b").file("x", b""), &expected);
    // commons-compress writes both extension headers for an entry with a long name and a large number.
    assert_paths(Archive::pack().long_name("data/b").pax(&[("mtime", b"1.5")]).file("x", b""), &expected);
}

#[test]
fn accepts_zeros_after_the_gzip_member() {
    for zeros in [1, 512, 9_000, 200_000] {
        assert_eq!(accepted_paths(&[Archive::pack().tar_gz(), vec![0; zeros]].concat()), ["pack.yaml"]);
    }
}

#[test]
fn accepts_the_global_header_of_git_archive() {
    let commit = pax_record("comment", b"734fb6c0c1ad2c5d2b0fbea3f7ed2a2b7c9f5a10");
    assert_paths(
        Archive::new().extension(b'g', &commit).file("sample/pack.yaml", MANIFEST).file("sample/guides/a", b""),
        &["guides/", "guides/a", "pack.yaml"],
    );
    // The global header may precede a PAX header with a long path.
    let long = "a".repeat(120);
    assert_paths(
        Archive::new()
            .extension(b'g', &commit)
            .pax(&[("path", format!("guides/{long}").as_bytes())])
            .file("x", b"")
            .file("pack.yaml", MANIFEST),
        &["guides/", &format!("guides/{long}"), "pack.yaml"],
    );
}

#[test]
fn accepts_times_owners_and_extended_attributes_in_pax_records() {
    let records: [(&str, &[u8]); 11] = [
        ("mtime", b"1767225600.123456789"),
        ("atime", b"-1.5"),
        ("uid", b"4294967294"),
        ("uname", "Zoë".as_bytes()),
        ("size", b"2"),
        ("SCHILY.xattr.user.raw", b"\0\xff\n12 comment=x\n=="),
        ("LIBARCHIVE.xattr.user.empty", b""),
        ("SCHILY.acl.access", b"user::rw-,group::r--,other::r--"),
        ("GNU.crc32", b"1A2B3C4D"),
        ("hdrcharset", b"ISO-IR 10646 2000 UTF-8"),
        ("comment", b""),
    ];
    assert_paths(Archive::pack().pax(&records).file("data/a", b"12"), &["data/", "data/a", "pack.yaml"]);
}

#[test]
fn drops_macos_metadata_and_git_files() {
    assert_paths(
        Archive::new()
            .file("./._sample", b"AppleDouble")
            .file("._.", b"AppleDouble")
            .file(".DS_Store", b"\0")
            .file(".gitignore", b"*")
            .file("sample/pack.yaml", MANIFEST)
            .file("sample/._pack.yaml", b"AppleDouble")
            .file("sample/.gitattributes", b"*")
            .file("sample/.gitignore", b"*")
            .file("sample/data/.DS_Store", b"\0")
            .file("sample/data/._a", b"AppleDouble")
            .file("sample/data/.gitignore", b"kept, since it is not at the root")
            .directory("sample/data/._d")
            .file("sample/data/._d/a", b"AppleDouble"),
        &["data/", "data/.gitignore", "pack.yaml"],
    );
    assert_paths(Archive::pack().directory(".gitignore").file(".gitignore/a", b""), &["pack.yaml"]);
}

#[test]
fn keeps_the_parent_directories_of_dropped_files() {
    assert_paths(
        Archive::pack().file("data/a/.DS_Store", b"\0").file("guides/._b/c", b"AppleDouble"),
        &["data/", "data/a/", "guides/", "pack.yaml"],
    );
}

#[test]
fn accepts_a_dropped_file_whose_access_control_list_contradicts_its_mode() {
    let acl = [("SCHILY.acl.access", b"user::rwx,group::r--,other::r--".as_slice())];
    for name in [".DS_Store", "._pack.yaml", ".gitignore"] {
        assert_paths(Archive::pack().pax(&acl).file(name, b""), &["pack.yaml"]);
        let wrapped = format!("sample/{name}");
        assert_paths(Archive::new().file("sample/pack.yaml", MANIFEST).pax(&acl).file(wrapped, b""), &["pack.yaml"]);
    }
}

#[test]
fn accepts_v7_format() {
    assert_paths(
        Archive::new()
            .header(Header::v7("data/").mode(0o755))
            .header(Header::v7("data/empty/").mode(0o755))
            .entry(Header::v7("data/a"), b"content")
            // GNU tar also sets these fields in v7 format.
            .header(Header::v7("data/b").field(DEV_MAJOR, "0000000\0").field(DEV_MINOR, "0000000\0"))
            .entry(Header::v7("scripts/run").field(MODE, "100755 \0"), b"")
            .entry(Header::v7("pack.yaml"), MANIFEST),
        &["data/", "data/a", "data/b", "data/empty/", "pack.yaml", "scripts/", "scripts/run*"],
    );
}

#[test]
fn accepts_gnu_format() {
    let long = format!("data/{}/{}", "d".repeat(150), "e".repeat(150));
    let long_directory = format!("{long}-directory/");
    assert_paths(
        Archive::new()
            .header(Header::gnu("guides/").typeflag(b'5'))
            .entry(Header::gnu("pack.yaml"), MANIFEST)
            .long_name(&long)
            .entry(Header::gnu(&long[..100]), b"content")
            .long_name(&long_directory)
            .header(Header::gnu(&long[..100]).typeflag(b'5'))
            // Some writers omit the trailing NUL, and others add several.
            .extension(b'L', b"data/b")
            .entry(Header::gnu("x"), b"")
            .extension(b'L', b"data/f\0\0\0")
            .entry(Header::gnu("x"), b""),
        &[
            "data/",
            "data/b",
            &format!("data/{}/", "d".repeat(150)),
            &long,
            &long_directory,
            "data/f",
            "guides/",
            "pack.yaml",
        ],
    );
}

#[test]
fn accepts_base_256_numbers() {
    let mut size = [0; 12];
    (size[0], size[11]) = (0x80, 3);
    let before_1970 = [0xff; 12];
    let header = Header::gnu("data/a").field(UID, [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]).field(MTIME, before_1970);
    // `entry` would overwrite the size with an octal number.
    assert_paths(Archive::pack().header(header.field(SIZE, size)).data(b"123"), &["data/", "data/a", "pack.yaml"]);
}

#[test]
fn accepts_ustar_format() {
    let prefix = format!("data/{}", "p".repeat(150));
    assert_paths(
        Archive::pack()
            .entry(Header::ustar("n".repeat(100)).field(PREFIX, &prefix), b"content")
            .entry(Header::ustar("data/nul").typeflag(0), b"content"),
        &["data/", "data/nul", &format!("{prefix}/"), &format!("{prefix}/{}", "n".repeat(100)), "pack.yaml"],
    );
}

#[test]
fn accepts_octal_numbers_with_common_padding() {
    let empty =
        Header::ustar("data/nuls").field(UID, "").field(GID, "").field(MTIME, "").field(MODE, "").field(SIZE, "");
    let spaces = Header::ustar("data/spaces").field(MODE, "   644 \0").field(SIZE, "          0 ").field(UID, "     1");
    let full =
        Header::ustar("data/full").field(MODE, "00000644").field(SIZE, "000000000000").field(MTIME, "000000000000");
    let devices = Header::ustar("data/devices").field(DEV_MAJOR, "        ").field(DEV_MINOR, "     0 \0");
    let blank = Header::ustar("data/blank")
        .field(UID, "       \0")
        .field(GID, " \0")
        .field(MTIME, "   ")
        .field(SIZE, "     \0");
    assert_paths(
        Archive::pack().header(empty).header(spaces).header(full).header(devices).header(blank),
        &["data/", "data/blank", "data/devices", "data/full", "data/nuls", "data/spaces", "pack.yaml"],
    );
}

#[test]
fn a_file_is_executable_if_any_execute_bit_is_set() {
    let mut archive = Archive::pack();
    for mode in [0o000, 0o666, 0o6644, 0o100_644, 0o001, 0o010, 0o100, 0o755, 0o7777, 0o100_755] {
        archive = archive.header(Header::ustar(format!("scripts/{mode:o}")).mode(mode));
    }
    assert_paths(
        archive,
        &[
            "pack.yaml",
            "scripts/",
            "scripts/0",
            "scripts/1*",
            "scripts/10*",
            "scripts/100*",
            "scripts/100644",
            "scripts/100755*",
            "scripts/6644",
            "scripts/666",
            "scripts/755*",
            "scripts/7777*",
        ],
    );
}

#[test]
fn keeps_contents_of_various_lengths_unchanged() {
    let lengths = [0, 1, 511, 512, 513, 1023, 1024, 1025, 200_000];
    let content = |length: usize| (0..length).map(|index| index as u8).collect::<Vec<_>>();
    let archive = lengths
        .iter()
        .fold(Archive::pack(), |archive, length| archive.file(format!("data/{length}"), content(*length)));
    let validated = validate(&archive.tar_gz()).unwrap();
    for length in lengths {
        let found = validated.pack.tree.file(&format!("data/{length}")).unwrap();
        assert_eq!(validated.content(found), content(length));
    }
}

#[test]
fn accepts_any_bytes_as_padding_after_content() {
    let archive = Archive::pack().header(Header::ustar("data/a").size(1)).raw(&[b'x'; BLOCK]);
    assert_paths(archive, &["data/", "data/a", "pack.yaml"]);
}

#[test]
fn accepts_any_number_of_zero_blocks_at_the_end() {
    for blocks in [0, 1, 7, 18, 126, 1000] {
        let tar = [Archive::pack().tar(), vec![0; blocks * BLOCK]].concat();
        assert_eq!(accepted_paths(&gzip(&tar)), ["pack.yaml"]);
    }
}

#[test]
fn accepts_every_gzip_level_and_optional_header_fields() {
    let tar = Archive::pack().tar();
    for level in 0..=9 {
        assert_eq!(accepted_paths(&gzip_at(&tar, Compression::new(level))), ["pack.yaml"]);
    }
    let header = GzBuilder::new().filename("pack.tar").comment("a pack").extra([1, 2, 3]).mtime(1).operating_system(3);
    let mut encoder = header.write(Vec::new(), Compression::best());
    encoder.write_all(&tar).unwrap();
    assert_eq!(accepted_paths(&encoder.finish().unwrap()), ["pack.yaml"]);
}

#[test]
fn accepts_names_in_many_scripts_and_with_unusual_punctuation() {
    assert_paths(
        Archive::pack()
            .file("guides/Ελλάδα", b"")
            .file("guides/日本語.md", b"")
            .file("guides/e\u{301}", b"")
            .file("guides/👩‍👩‍👧", b"")
            .file("guides/a b.c..d", b"")
            .file("guides/-rf *?[x]$(y)`z`", b"")
            .file("guides/...a", b""),
        &[
            "guides/",
            "guides/-rf *?[x]$(y)`z`",
            "guides/...a",
            "guides/a b.c..d",
            "guides/e\u{301}",
            "guides/Ελλάδα",
            "guides/日本語.md",
            "guides/👩‍👩‍👧",
            "pack.yaml",
        ],
    );
}
