use test_support::archive::{Archive, pax_record};

use super::extension_headers::{AT, pack_with, pack_with_data};
use crate::support::{accepted_paths, assert_rejected};

#[test]
fn rejects_malformed_pax_records() {
    let valid = pax_record("comment", b"x");
    for data in [
        b"x".as_slice(),
        b"\0",
        b" 5 a=b\n",
        b"6 a=b",
        b"6 a=bc",
        b"7 a=b\n",
        b"5 a=b\n",
        b"06 a=b\n",
        b"+6 a=b\n",
        b"-6 a=b\n",
        b"6  a=b",
        b"6\ta=b\n",
        b"0 a=b\n",
        b"1 a=b\n",
        b"2 a=b\n",
        b"3 \n",
        b"5 ab\n",
        b"99999999999999999999 a=b\n",
        b"000000000000000000000006 a=b\n",
    ] {
        assert_rejected(
            pack_with_data(data),
            &[&format!(
                "{AT} contains a malformed PAX record at byte 0 of its data; create the archive with `tar --format=posix`"
            )],
        );
        assert_rejected(
            pack_with_data(&[&valid, data].concat()),
            &[&format!(
                "{AT} contains a malformed PAX record at byte {} of its data; create the archive with `tar --format=posix`",
                valid.len()
            )],
        );
    }
}

#[test]
fn rejects_pax_keywords_that_are_empty_or_contain_a_nul() {
    for record in [pax_record("", b"x"), pax_record("com\0ment", b"x"), pax_record("path\0", b"guides/b")] {
        assert_rejected(
            pack_with_data(&record),
            &[&format!("{AT} contains a PAX record at byte 0 of its data whose keyword is empty or contains a NUL")],
        );
    }
}

#[test]
fn rejects_a_pax_keyword_that_starts_with_a_space_or_tab() {
    // GNU tar skips leading spaces and tabs, so it would apply the size 0 and extract the hidden entry, which the
    // validator would not see.
    let hidden = Archive::new().file("scripts/hidden.sh", b"").without_end_marker();
    for keyword in [" size", "\tsize", "  size", "\t path", " comment", " ", "\t"] {
        let problem = "contains a PAX record at byte 0 of its data whose keyword starts with a space or tab, which \
                       GNU tar skips and other tar readers do not";
        assert_rejected(
            Archive::pack().pax(&[(keyword, b"0")]).file("guides/a", &hidden),
            &[&format!("{AT} {problem}")],
        );
        assert_rejected(
            Archive::pack().extension(b'g', &pax_record(keyword, b"0")).file("guides/a", &hidden),
            &[&format!("{AT} {problem}")],
        );
    }
    let first = pax_record("comment", b"x");
    assert_rejected(
        pack_with_data(&[first.clone(), pax_record("\tsize", b"0")].concat()),
        &[&format!(
            "{AT} contains a PAX record at byte {} of its data whose keyword starts with a space or tab, which GNU \
             tar skips and other tar readers do not",
            first.len()
        )],
    );
}

#[test]
fn rejects_a_line_in_a_pax_value_that_looks_like_a_record() {
    // Node-tar and Rust's `tar` split the data at line feeds.
    for (line, keyword) in [
        ("18 path=guides/b\n", "path"),
        ("10 size=0\n", "size"),
        ("14 linkpath=a\n", "linkpath"),
        ("22 GNU.sparse.major=1\n", "GNU.sparse.major"),
        (" 10  size=0", "size"),
    ] {
        for attribute in ["SCHILY.xattr.user.note", "comment", "VENDOR.key"] {
            let value = format!("x\n{line}");
            let problem = format!(
                "{AT} contains a PAX record at byte 0 of its data whose value has a line that looks like a \
                 `{keyword}` record, which some tar readers apply; archive the files without extended attributes (`tar \
                 --no-xattrs`)"
            );
            assert_rejected(pack_with(&[(attribute, value.as_bytes())]), &[&problem]);
            let global = pax_record(attribute, value.as_bytes());
            assert_rejected(Archive::pack().extension(b'g', &global).file("guides/a", b""), &[&problem]);
        }
    }
    assert_rejected(
        pack_with_data(&pax_record("a\n18 path", b"guides/b")),
        &[&format!(
            "{AT} contains a PAX record at byte 0 of its data whose value has a line that looks like a `path` record, \
             which some tar readers apply; archive the files without extended attributes (`tar --no-xattrs`)"
        )],
    );
}

#[test]
fn accepts_other_lines_in_a_pax_value() {
    for value in ["x\ny=z", "two\nlines\n", "x\n18 mtime=1\n", "x\npath=guides/b"] {
        accepted_paths(&pack_with(&[("SCHILY.xattr.user.note", value.as_bytes())]).tar_gz());
    }
}

#[test]
fn rejects_a_nul_in_pax_text() {
    for keyword in ["uname", "gname", "comment", "charset", "SCHILY.acl.access"] {
        assert_rejected(
            pack_with(&[(keyword, b"a\0b")]),
            &[&format!("{AT} contains a PAX `{keyword}` with a NUL in it, where some tar readers end the text")],
        );
    }
    // The value of an extended attribute may contain a NUL. The value of SELinux's attribute ends with one.
    accepted_paths(&pack_with(&[("SCHILY.xattr.security.selinux", b"system_u\0")]).tar_gz());
}

#[test]
fn rejects_malformed_values_of_standard_pax_keywords() {
    let id = "a whole number from 0 to 4294967295";
    let mtime = "a decimal number of seconds up to 9223372036854775295";
    let time = "a decimal number of seconds that fits in 64 bits";
    for (keyword, value, shown, expected) in [
        ("uid", b"".as_slice(), "`\"\"`", id),
        ("uid", b"abc", "`abc`", id),
        ("uid", b"-2", "`-2`", id),
        ("uid", b"+2", "`+2`", id),
        ("gid", b"1.5", "`1.5`", id),
        ("gid", b"4294967296", "`4294967296`", id),
        ("mtime", b"", "`\"\"`", mtime),
        ("mtime", b"now", "`now`", mtime),
        ("mtime", b"1e9", "`1e9`", mtime),
        // Python rounds these two values of `mtime` up to 2^63, which does not fit in an `i64`.
        ("mtime", b"9223372036854775296", "`9223372036854775296`", mtime),
        ("mtime", b"9223372036854775296.5", "`9223372036854775296.5`", mtime),
        ("atime", b"9223372036854775808", "`9223372036854775808`", time),
        ("atime", b"1.2.3", "`1.2.3`", time),
        ("ctime", b"--1", "`--1`", time),
        ("ctime", b"99999999999999999999", "`99999999999999999999`", time),
        ("uname", b"\xff", r"`\xff`", "UTF-8"),
        ("gname", b"a\xc3", r"`a\xc3`", "UTF-8"),
        ("hdrcharset", b"BINAR\x93", r"`BINAR\x93`", "UTF-8"),
    ] {
        let problem = format!("{AT} contains the PAX `{keyword}` {shown}, but it must be {expected}");
        assert_rejected(pack_with(&[(keyword, value)]), &[&problem]);
        let global = pax_record(keyword, value);
        assert_rejected(Archive::pack().extension(b'g', &global).file("guides/a", b""), &[&problem]);
    }
}

/// Python finds the name of a charset even inside the value of another record, and fails if that name is not valid
/// UTF-8.
#[test]
fn rejects_a_charset_name_that_is_not_utf_8_inside_another_value() {
    assert_rejected(
        pack_with(&[("SCHILY.xattr.user.note", b"a1 hdrcharset=\xff")]),
        &[&format!(r"{AT} contains the PAX `hdrcharset` `\xff`, but it must be UTF-8")],
    );
    // Python recognizes a charset only after a digit, and reads only the first one.
    for value in [b"a hdrcharset=\xff".as_slice(), b"1 hdrcharset=BINARY\n1 hdrcharset=\xff"] {
        accepted_paths(&pack_with(&[("SCHILY.xattr.user.note", value)]).tar_gz());
    }
}

#[test]
fn accepts_valid_values_of_standard_pax_keywords() {
    for (keyword, value) in [
        ("uid", "0"),
        ("uid", "007"),
        ("gid", "4294967295"),
        ("mtime", "1700000000.123456789"),
        ("mtime", "1700000000."),
        ("mtime", "9223372036854775295"),
        ("mtime", "-9223372036854775808"),
        ("atime", "9223372036854775807"),
        ("size", "005"),
        ("atime", "0"),
        ("ctime", "-1.5"),
        ("uname", "José"),
        ("gname", ""),
    ] {
        accepted_paths(&pack_with(&[(keyword, value.as_bytes())]).tar_gz());
    }
}
