use test_support::archive::Archive;

use crate::support::assert_rejected;

/// Asserts that a file with this name has exactly these problems, whether the name is in the header, in a GNU long name
/// or in a PAX record. Does not try all three for an empty or a long name. `shown` is the name as the problems quote
/// it.
#[track_caller]
fn assert_name_rejected(name: impl AsRef<[u8]>, shown: &str, problems: &[&str]) {
    let name = name.as_ref();
    let at = |position: usize| -> Vec<String> {
        problems.iter().map(|problem| format!("entry `{shown}` at byte {position} {problem}")).collect()
    };
    let check = |archive: Archive, expected: Vec<String>| {
        assert_rejected(archive.file("guides/valid", b""), &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    if name.len() <= 100 {
        check(Archive::pack().file(name, b""), at(1024));
    }
    let data_blocks = (name.len() + 50) / 512;
    if !problems.iter().any(|problem| problem.contains("empty name")) {
        check(Archive::pack().long_name(name).file("guides/x", b""), at(2048 + name.len() / 512 * 512));
    }
    if !name.is_empty() && data_blocks == 0 {
        check(Archive::pack().pax(&[("path", name)]).file("guides/x", b""), at(2048));
    }
}

#[test]
fn rejects_an_empty_name() {
    assert_name_rejected("", "\"\"", &["has an empty name"]);
}

#[test]
fn rejects_names_that_are_not_utf_8() {
    let problem = ["has a name that is not UTF-8; rename it"];
    assert_name_rejected(b"guides/caf\xe9", r"guides/caf\xe9", &problem);
    assert_name_rejected(b"guides/\xc0\xae", r"guides/\xc0\xae", &problem);
    assert_name_rejected(b"guides/\xed\xa0\x80", r"guides/\xed\xa0\x80", &problem);
}

#[test]
fn rejects_absolute_names() {
    let absolute = "has an absolute name; names must be relative to the pack's directory";
    assert_name_rejected("/guides/a", "/guides/a", &[absolute]);
    assert_name_rejected("//a", "//a", &[absolute]);
    assert_name_rejected("/../a", "/../a", &[absolute, "has `..` in its name, which is not allowed"]);
}

#[test]
fn rejects_names_with_parent_components() {
    for name in ["../a", "..", "guides/..", "guides/../../a", "./../a", "guides/../pack.yaml"] {
        assert_name_rejected(name, name, &["has `..` in its name, which is not allowed"]);
    }
}

#[test]
fn rejects_a_file_whose_name_ends_with_a_dot_component() {
    assert_name_rejected(
        "guides/.",
        "guides/.",
        &[
            "is a file, but its name ends with `/.`, which marks a directory; create the archive with `tar --format=posix`",
        ],
    );
}

#[test]
fn rejects_backslashes_and_drive_letters() {
    assert_name_rejected(
        r"guides\a",
        r"guides\\a",
        &["has a backslash in its name, which is a separator on Windows; use `/`"],
    );
    for name in ["C:", "C:/a", "c:a", "guides/C:a", "./C:/a"] {
        assert_name_rejected(
            name,
            name,
            &["has a drive letter in its name; names must be relative to the pack's directory"],
        );
    }
}

#[test]
fn rejects_control_characters_bidirectional_controls_and_line_breaks() {
    for (char, escaped) in [
        ('\u{1}', r"\u{1}"),
        ('\u{7}', r"\u{7}"),
        ('\t', r"\t"),
        ('\n', r"\n"),
        ('\r', r"\r"),
        ('\u{1b}', r"\u{1b}"),
        ('\u{7f}', r"\u{7f}"),
        ('\u{80}', r"\u{80}"),
        ('\u{9f}', r"\u{9f}"),
    ] {
        let code = u32::from(char);
        assert_name_rejected(
            format!("guides/a{char}b"),
            &format!("guides/a{escaped}b"),
            &[&format!("has a name that contains the control character U+{code:04X}; rename it")],
        );
    }
    for (char, name) in [
        ('\u{61c}', "U+061C ARABIC LETTER MARK"),
        ('\u{200e}', "U+200E LEFT-TO-RIGHT MARK"),
        ('\u{200f}', "U+200F RIGHT-TO-LEFT MARK"),
        ('\u{202a}', "U+202A LEFT-TO-RIGHT EMBEDDING"),
        ('\u{202b}', "U+202B RIGHT-TO-LEFT EMBEDDING"),
        ('\u{202c}', "U+202C POP DIRECTIONAL FORMATTING"),
        ('\u{202d}', "U+202D LEFT-TO-RIGHT OVERRIDE"),
        ('\u{202e}', "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ('\u{2066}', "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ('\u{2067}', "U+2067 RIGHT-TO-LEFT ISOLATE"),
        ('\u{2068}', "U+2068 FIRST STRONG ISOLATE"),
        ('\u{2069}', "U+2069 POP DIRECTIONAL ISOLATE"),
    ] {
        let problem =
            format!("has a name that contains {name}, which changes the order in which text is displayed; rename it");
        assert_name_rejected(format!("guides/a{char}b"), &format!("guides/a{}b", char.escape_unicode()), &[&problem]);
    }
    for (char, name) in [('\u{2028}', "U+2028 LINE SEPARATOR"), ('\u{2029}', "U+2029 PARAGRAPH SEPARATOR")] {
        let problem = format!("has a name that contains {name}, which is a line break; rename it");
        assert_name_rejected(format!("guides/a{char}b"), &format!("guides/a{}b", char.escape_unicode()), &[&problem]);
    }
}

#[test]
fn rejects_components_that_end_with_a_dot_or_have_surrounding_whitespace() {
    for name in [" guides/a", "guides /a", "guides/ a", "guides/a "] {
        assert_name_rejected(
            name,
            name,
            &["has a component in its name that starts or ends with whitespace; rename it"],
        );
    }
    assert_name_rejected(
        "guides/a\u{a0}",
        r"guides/a\u{a0}",
        &["has a component in its name that starts or ends with whitespace; rename it"],
    );
    for name in ["guides/a.", "guides./a", "guides/..."] {
        assert_name_rejected(name, name, &["has a component in its name that ends with a dot; rename it"]);
    }
}

#[test]
fn rejects_whiteouts() {
    let whiteout = "has a component in its name that starts with `.wh.`, which tells container runtimes to \
                    delete another file; rename it";
    // Without the whiteout, the last two entries would be dropped, not rejected.
    for name in [".wh.a", "guides/.wh.a", "guides/.wh..wh..opq", ".wh.guides/a", "._a/.wh.b", ".wh.a/.DS_Store"] {
        assert_name_rejected(name, name, &[whiteout]);
    }
    assert_rejected(
        Archive::pack().directory("guides/.wh.a/"),
        &[&format!("entry `guides/.wh.a/` at byte 1024 {whiteout}")],
    );
}

#[test]
fn rejects_names_that_are_too_long_or_too_deep() {
    let component = "x".repeat(256);
    assert_name_rejected(
        format!("guides/{component}"),
        &format!("guides/{}…", "x".repeat(93)),
        &["has a component of 256 bytes in its name; at most 255 are allowed (limit `component_bytes`)"],
    );
    let deep = ["a"; 33].join("/");
    assert_name_rejected(&deep, &deep, &["has a name of 33 components; at most 32 are allowed (limit `path_depth`)"]);
    let long = [vec!["y".repeat(200); 5].join("/"), "z".repeat(20)].join("/");
    assert_eq!(long.len(), 1025);
    assert_name_rejected(
        &long,
        &format!("{}…", "y".repeat(100)),
        &["has a name of 1025 bytes; at most 1024 are allowed (limit `path_bytes`)"],
    );
}

#[test]
fn reports_every_problem_with_every_name() {
    assert_rejected(
        Archive::pack().file("/a\\b. ", b"1").file("guides/../c", b"2").directory("C:"),
        &[
            "entry `/a\\\\b. ` at byte 1024 has an absolute name; names must be relative to the pack's directory",
            "entry `/a\\\\b. ` at byte 1024 has a component in its name that starts or ends with whitespace; rename it",
            "entry `/a\\\\b. ` at byte 1024 has a backslash in its name, which is a separator on Windows; use `/`",
            "entry `guides/../c` at byte 2048 has `..` in its name, which is not allowed",
            "entry `C:` at byte 3072 has a drive letter in its name; names must be relative to the pack's directory",
        ],
    );
}
