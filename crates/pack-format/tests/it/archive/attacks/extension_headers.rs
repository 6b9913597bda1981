use test_support::archive::{Archive, Header, MAGIC_AND_VERSION, NAME, pax_record, pax_records};

use crate::support::{accepted_paths, assert_rejected, assert_tar_rejected};

pub(super) const AT: &str = "the extension header at byte 1024";

/// Returns a pack in which a PAX header with these records precedes a five-byte file.
pub(super) fn pack_with(records: &[(&str, &[u8])]) -> Archive {
    Archive::pack().pax(records).file("guides/a", b"12345")
}

/// Like [`pack_with`], but `data` is the complete data of the PAX header.
pub(super) fn pack_with_data(data: &[u8]) -> Archive {
    Archive::pack().extension(b'x', data).file("guides/a", b"12345")
}

#[test]
fn rejects_a_pax_size_that_differs_from_the_header() {
    for size in ["0", "4", "6", "512", "1024"] {
        assert_rejected(
            pack_with(&[("size", size.as_bytes())]),
            &[&format!(
                "entry `guides/a` at byte 2048 has 5 bytes according to its header but {size} according to its PAX \
                 `size`"
            )],
        );
    }
}

#[test]
fn rejects_an_archive_hidden_by_a_pax_size() {
    // TARmageddon (CVE-2025-62518): a reader that ignores the PAX size reads an empty file and then the hidden entry.
    let hidden = Archive::new().file("guides/hidden", b"").without_end_marker();
    let size = hidden.len().to_string();
    assert_rejected(
        Archive::pack().pax(&[("size", size.as_bytes())]).file("guides/a", b"").raw(&hidden),
        &["entry `guides/a` at byte 2048 has 0 bytes according to its header but 512 according to its PAX `size`"],
    );
}

#[test]
fn rejects_a_malformed_or_repeated_pax_size() {
    for (size, problem) in [
        (b"".as_slice(), "is not a well-formed number"),
        (b"-5", "is not a well-formed number"),
        (b"+5", "is not a well-formed number"),
        (b" 5", "is not a well-formed number"),
        (b"0x5", "is not a well-formed number"),
        (b"5\0", "is not a well-formed number"),
        (b"5.0", "is not a well-formed number"),
        (b"99999999999999999999", "is larger than 64 bits"),
    ] {
        assert_rejected(
            pack_with(&[("size", size)]),
            &[&format!("{AT} contains a PAX `size` that {problem}; create the archive with `tar --format=posix`")],
        );
    }
    assert_rejected(
        pack_with(&[("size", b"5"), ("size", b"5")]),
        &[&format!("{AT} contains more than one PAX `size`; create the archive with `tar --format=posix`")],
    );
}

#[test]
fn rejects_invalid_or_repeated_pax_paths() {
    let at = "at byte 2048";
    assert_rejected(
        pack_with(&[("path", b"guides/a\0.md")]),
        &[&format!(
            "entry `guides/a\\u{{0}}.md` {at} has a name that contains the control character U+0000; rename it"
        )],
    );
    assert_rejected(pack_with(&[("path", b"")]), &[&format!("entry `\"\"` {at} has an empty name")]);
    // Node-tar ignores an entry with an empty PAX `path`, and also the entry after it, even if the name in the entry's
    // own header is that of the root (`./`).
    for name in ["guides/a", "./"] {
        assert_rejected(
            Archive::pack().pax(&[("path", b"")]).directory(name).file("guides/b", b""),
            &[&format!("entry `\"\"` {at} has an empty name")],
        );
    }
    assert_rejected(
        pack_with(&[("path", b"guides/b"), ("path", b"guides/c")]),
        &[&format!("entry `guides/b` {at} has more than one PAX `path`")],
    );
    assert_rejected(
        pack_with(&[("path", b"guides/b"), ("path", b"guides/b")]),
        &[&format!("entry `guides/b` {at} has more than one PAX `path`")],
    );
    assert_rejected(
        pack_with(&[("path", b"guides/\xff")]),
        &[&format!(r"entry `guides/\xff` {at} has a name that is not UTF-8; rename it")],
    );
    assert_rejected(
        pack_with(&[("path", b"../a")]),
        &[&format!("entry `../a` {at} has `..` in its name, which is not allowed")],
    );
}

const SPARSE: &str = "is a sparse file according to its PAX records; archive it without `tar --sparse`, or with `bsdtar \
                      --no-read-sparse`";
const VOLUME: &str = "belongs to a multi-volume archive according to its PAX records; archive it without `tar \
                      --multi-volume`";

#[test]
fn rejects_pax_records_that_change_an_entrys_type() {
    for (keyword, value, problem) in [
        ("linkpath", "pack.yaml", "has a PAX `linkpath` but is not a link"),
        ("linkpath", "pack\0yaml", "has a NUL in its PAX `linkpath`"),
        (
            "SCHILY.filetype",
            "directory",
            "has a PAX `SCHILY.filetype`, which star uses as the entry's type and other tar readers ignore; create the \
             archive with `tar --format=posix`",
        ),
        ("GNU.sparse.major", "1", SPARSE),
        ("GNU.sparse.map", "0,5", SPARSE),
        ("SCHILY.realsize", "9", SPARSE),
        ("SUN.holesdata", " 0 9", SPARSE),
        ("GNU.volume.filename", "b", VOLUME),
        ("GNU.volume.size", "5", VOLUME),
        ("GNU.volume.offset", "0", VOLUME),
    ] {
        assert_rejected(
            pack_with(&[(keyword, value.as_bytes())]),
            &[&format!("entry `guides/a` at byte 2048 {problem}")],
        );
    }
}

#[test]
fn a_sparse_file_is_reported_under_its_original_name() {
    for path in ["data/GNUSparseFile.0/b", "data/GNUSparseFile.4711/b"] {
        let records = [("GNU.sparse.name", b"data/b".as_slice()), ("path", path.as_bytes())];
        assert_rejected(pack_with(&records), &[&format!("entry `data/b` at byte 2048 {SPARSE}")]);
    }
}

#[test]
fn rejects_a_global_header_that_sets_a_name_size_or_type_or_is_malformed() {
    for keyword in ["path", "linkpath", "size", "GNU.sparse.name", "SCHILY.realsize", "SCHILY.filetype"] {
        let data = pax_records(&[("comment", b"x"), (keyword, b"5")]);
        assert_rejected(
            Archive::pack().extension(b'g', &data).file("guides/a", b"12345"),
            &[&format!(
                "{AT} sets `path`, `linkpath`, `size` or the way a file is stored for all following entries, which \
                 is not allowed; create the archive with `tar --format=posix` and without `--pax-option`"
            )],
        );
    }
    assert_rejected(
        Archive::pack().extension(b'g', b"6 a=b").file("guides/a", b""),
        &[&format!(
            "{AT} contains a malformed PAX record at byte 0 of its data; create the archive with `tar --format=posix`"
        )],
    );
}

#[test]
fn rejects_a_repeated_extension_header_and_a_global_one_after_others() {
    let comment = pax_record("comment", b"x");
    let second = "the extension header at byte 2048 follows another extension header, and tar readers disagree on \
                  which of them applies; create the archive with `tar --format=posix`";
    for (first, then) in [(b'x', b'x'), (b'x', b'g'), (b'L', b'L'), (b'K', b'K'), (b'L', b'g')] {
        let archive = Archive::pack().extension(first, &comment).extension(then, &comment).file("guides/a", b"");
        assert_rejected(archive, &[second]);
    }
}

#[test]
fn rejects_a_pax_path_and_a_long_name_that_differ() {
    let problem = |name: &str| {
        format!(
            "entry `{name}` at byte 3072 has a PAX `path` and a GNU long name that differ, and tar readers disagree on \
             which applies; create the archive with `tar --format=posix`"
        )
    };
    let path = [("path", b"guides/b".as_slice())];
    assert_rejected(Archive::pack().pax(&path).long_name("guides/c").file("guides/a", b""), &[&problem("guides/b")]);
    assert_rejected(Archive::pack().long_name("guides/c").pax(&path).file("guides/a", b""), &[&problem("guides/b")]);
}

#[test]
fn rejects_a_pax_path_that_some_readers_ignore() {
    let problem = "has a PAX `path` and another PAX record with a NUL or an empty line in its value, where some tar \
                   readers stop and use the name in the header; archive the files without extended attributes (`tar \
                   --no-xattrs --no-selinux`) and without `--listed-incremental`";
    let path = ("path", b"guides/b".as_slice());
    let attribute = |value: &'static [u8]| ("SCHILY.xattr.user.note", value);
    for records in [
        // If a value contains a NUL, 7-Zip ignores all records in the header.
        [attribute(b"a\0b"), path],
        [path, attribute(b"system_u\0")],
        // Rust's `tar` stops at an empty line.
        [attribute(b"a\n"), path],
        [attribute(b"a\n\nb"), path],
    ] {
        assert_rejected(pack_with(&records), &[&format!("entry `guides/b` at byte 2048 {problem}")]);
    }
    // All readers agree if the `path` equals the name in the entry's header, or if no other value contains a NUL and no
    // empty line precedes the `path`.
    for records in [[attribute(b"a\0b"), ("path", b"guides/a")], [path, attribute(b"a\n")], [path, attribute(b"a\nb")]]
    {
        accepted_paths(&pack_with(&records).tar_gz());
    }
}

#[test]
fn rejects_a_pax_path_with_decomposed_characters() {
    assert_rejected(
        pack_with(&[("path", "guides/e\u{301}".as_bytes())]),
        &["entry `guides/e\u{301}` at byte 2048 has a PAX `path` with decomposed characters (not in Unicode \
           normalization form C), which bsdtar changes; rename it, or create the archive with `tar --format=gnu`"],
    );
    // Bsdtar composes names only in PAX records.
    accepted_paths(&Archive::pack().long_name("guides/e\u{301}").file("guides/a", b"").tar_gz());
}

#[test]
fn rejects_an_access_control_list_that_contradicts_the_mode() {
    let problem = "entry `scripts/a` at byte 2048 has a PAX `SCHILY.acl.access` that contradicts the execute bits of \
                   its mode, and tar readers disagree on which applies; archive the files without access control lists \
                   (`tar --no-acls`)";
    let pack = |acl: &str, mode: u32| {
        let records = [("SCHILY.acl.access", acl.as_bytes())];
        Archive::pack().pax(&records).header(Header::ustar("scripts/a").mode(mode))
    };
    for (acl, mode) in [
        ("user::rwx,group::r--,other::r--", 0o644),
        ("u::rwx", 0o644),
        ("user::rw-,group::r-x,mask::r--,other::r--", 0o644),
        ("user::rw-\ngroup::r--\nother::r-x", 0o644),
        (" user::rwx#effective:r-x", 0o644),
        ("other:r-x", 0o644),
        ("user::rw-,group::r-x,other::r-x", 0o755),
        // `setfacl` sets the mode's group bits to the list's mask. So this mode has an execute bit that no entry for
        // the owner, the owning group or others grants.
        ("user::rw-,user:bob:rwx,group::r--,mask::rwx,other::r--", 0o674),
    ] {
        assert_rejected(pack(acl, mode), &[problem]);
    }
    let cut = pack("user::rwx", 0o644).without_end_marker();
    let end = "the archive is truncated: it ends at byte 2560 without the two blocks of zeros that end a tar; create the archive again";
    assert_tar_rejected(&cut, &[problem, end]);
    for (acl, mode) in [
        ("user::rw-,user:bob:rw-,group::r--,mask::rw-,other::r--", 0o664),
        ("user::rwx,user:bob:rwx,group::r--,mask::rwx,other::r--", 0o774),
        ("user::rw-,user:bob:r-x,group::r--,default:user::rwx", 0o644),
        ("", 0o755),
    ] {
        accepted_paths(&pack(acl, mode).tar_gz());
    }
}

#[test]
fn rejects_a_long_name_that_is_empty_or_contains_a_nul() {
    for data in [b"".as_slice(), b"\0", b"\0\0", b"guides\0/a", b"guides/a\0\0x"] {
        assert_rejected(
            Archive::pack().extension(b'L', data).file("guides/a", b""),
            &[&format!(
                "{AT} contains a GNU long name that is empty or has a NUL in it; create the archive with `tar --format=posix`"
            )],
        );
    }
}

#[test]
fn rejects_a_gnu_long_link_name_on_a_file() {
    assert_rejected(
        Archive::pack().extension(b'K', b"pack.yaml\0").file("guides/a", b""),
        &["entry `guides/a` at byte 2048 has a GNU long link name, which only a link may have"],
    );
}

#[test]
fn rejects_extension_headers_with_an_unknown_magic() {
    for magic in ["", "ustar\0\0\0", "ustar\x000 ", "ustar 00", "USTAR\x0000"] {
        for typeflag in [b'x', b'g', b'L', b'K'] {
            let header = Header::v7("extension").typeflag(typeflag).field(MAGIC_AND_VERSION, magic);
            assert_rejected(
                Archive::pack().entry(header, b"guides/a\0"),
                &[&format!(
                    "{AT} has a magic that is neither POSIX nor GNU (7-Zip 9 and R write such headers), so some tar \
                     readers ignore it; create the archive with `tar --format=posix` or with a current version of \
                     7-Zip"
                )],
            );
        }
    }
}

#[test]
fn rejects_an_extension_header_without_an_entry() {
    for typeflag in [b'x', b'g', b'L', b'K'] {
        assert_rejected(
            Archive::pack().extension(typeflag, &pax_record("comment", b"x")),
            &[
                "the archive ends at byte 2048, but no entry follows its last extension header; create the archive again",
            ],
        );
    }
}

#[test]
fn rejects_a_truncated_extension_header() {
    let header = Header::ustar("PaxHeaders/a").typeflag(b'x').size(513).field(NAME, "x");
    let cut = Archive::pack().header(header).raw(&[0; 512]).without_end_marker();
    assert_tar_rejected(&cut, &[&format!("{AT} is truncated; create the archive again")]);
}
