//! Tests for the files and directories at the top of a pack, including a missing `pack.yaml`, and for the encoding of
//! `behavior.md`.

use test_support::{
    manifest::MANIFEST,
    validation::{problems, validate_files},
};

use crate::support::{assert_problems, save_files};

const HELP: &str = "move it into one of `guides/`, `scripts/`, `data/`, `templates/`, or remove it (files allowed at \
                    the top: `pack.yaml`, `behavior.md`, `README.md`, `CHANGELOG.md`, `LICENSE*`, `LICENCE*`, `COPYING*`, \
                    `NOTICE*`, `THIRD_PARTY_NOTICES*`)";

const OWN_ARCHIVE: &str = "`pack-1.0.0.tar.gz` is not allowed at the top of a pack; it looks like an archive that was \
                           written into the pack's directory and so became part of the pack: remove it, and write the \
                           archive elsewhere (`tar -czf ../pack.tar.gz .`)";

/// Asserts that a pack with a valid `pack.yaml` and these files has exactly these problems.
#[track_caller]
fn assert_files(files: &[(&str, &[u8])], expected: &[(&str, &str)]) {
    let mut all: Vec<(&str, &[u8])> = vec![("pack.yaml", MANIFEST.as_bytes())];
    all.extend_from_slice(files);
    save_files(&all);
    assert_problems(&validate_files(&all), expected, &format!("{files:?}"));
}

#[test]
fn accepts_every_allowed_file_and_directory() {
    assert_files(
        &[
            ("behavior.md", "Größe".as_bytes()),
            ("README.md", b"\xff"),
            ("CHANGELOG.md", b""),
            ("LICENSE", b""),
            ("LICENSE.md", b""),
            ("LICENSE.Apache-2.0", b""),
            ("LICENSE-MIT", b""),
            ("LICENCE", b""),
            ("COPYING.LESSER", b""),
            ("NOTICE.txt", b""),
            ("THIRD_PARTY_NOTICES.md", b""),
            ("guides/", b""),
            ("scripts/a/b/run.sh", b""),
            ("data/pack.yml", b"\0"),
            ("templates/.hidden", b""),
        ],
        &[],
    );
}

#[test]
fn rejects_top_level_entries_that_are_not_allowed_and_suggests_a_fix() {
    for (path, problem) in [
        ("guide/a.md", "`guide/` is not allowed at the top of a pack; rename it to `guides/`, or remove it"),
        ("Scripts/a.sh", "`Scripts/` is not allowed at the top of a pack; rename it to `scripts/`, or remove it"),
        ("template/", "`template/` is not allowed at the top of a pack; rename it to `templates/`, or remove it"),
        (
            "behaviour.md",
            "`behaviour.md` is not allowed at the top of a pack; rename it to `behavior.md`, or remove it",
        ),
        ("readme.md", "`readme.md` is not allowed at the top of a pack; rename it to `README.md`, or remove it"),
        ("Licence", "`Licence` is not allowed at the top of a pack; rename it to `LICENCE`, or remove it"),
        ("license.txt", "`license.txt` is not allowed at the top of a pack; rename it to `LICENSE.txt`, or remove it"),
        ("LISENCE", "`LISENCE` is not allowed at the top of a pack; rename it to `LICENCE`, or remove it"),
        (".git/config", "`.git/` is not allowed at the top of a pack; exclude it (`tar --exclude=.git`)"),
        (".github/a", "`.github/` is not allowed at the top of a pack; exclude it (`tar --exclude=.github`)"),
        (
            ".claude-plugin/plugin.json",
            "`.claude-plugin/` is not allowed at the top of a pack; exclude it (`tar --exclude=.claude-plugin`)",
        ),
        (".env", "`.env` is not allowed at the top of a pack; exclude it (`tar --exclude=.env`)"),
        (".a b", "`.a b` is not allowed at the top of a pack; exclude it (`tar --exclude`)"),
        ("pack.yml", "`pack.yml` is not allowed at the top of a pack; move its content into `pack.yaml`, or remove it"),
        (
            "caps.yaml",
            "`caps.yaml` is not allowed at the top of a pack; move its content into `pack.yaml`, under the key \
             `capabilities`, or remove it",
        ),
        ("pack.yaml~", "`pack.yaml~` is not allowed at the top of a pack; exclude it (`tar --exclude=pack.yaml~`)"),
        (
            "behavior.md.bak",
            "`behavior.md.bak` is not allowed at the top of a pack; rename it to `behavior.md`, or remove it",
        ),
        (
            "Makefile.orig",
            "`Makefile.orig` is not allowed at the top of a pack; exclude it (`tar --exclude=Makefile.orig`)",
        ),
        ("pack-1.0.0.tar.gz", OWN_ARCHIVE),
        ("zoo/pack.yaml", "`zoo/` is a pack of its own; archive only that directory"),
        ("guides", "`guides` is a file; must be a directory"),
        ("README.md/", "`README.md` is a directory; must be a file"),
        ("LICENSE.d/a", "`LICENSE.d` is a directory; must be a file"),
    ] {
        assert_files(&[(path, b"")], &[("archive", problem)]);
    }
    for (path, found) in [("src/main.rs", "src/"), ("Makefile", "Makefile"), ("copy", "copy")] {
        assert_files(&[(path, b"")], &[("archive", &format!("`{found}` is not allowed at the top of a pack; {HELP}"))]);
    }
}

#[test]
fn does_not_suggest_a_name_that_is_taken_or_already_suggested() {
    let not_allowed = |name: &str, advice: &str| format!("`{name}` is not allowed at the top of a pack; {advice}");
    for (files, problems) in [
        (
            ["README.md", "README.zh.md"],
            &[("README.zh.md", "move it into `guides/`, move its content into `README.md`, or remove it")][..],
        ),
        (["behavior.md", "behaviour.md"], &[("behaviour.md", "move its content into `behavior.md`, or remove it")]),
        (["guide/a", "guides/a"], &[("guide/", "move its content into `guides/`, or remove it")]),
        (
            ["guide/a", "guidez/a"],
            &[
                ("guide/", "rename it to `guides/`, or remove it"),
                ("guidez/", "move its content into `guides/`, or remove it"),
            ],
        ),
        (
            ["behavior.txt", "behaviour.md"],
            &[
                ("behavior.txt", "rename it to `behavior.md`, or remove it"),
                ("behaviour.md", "move its content into `behavior.md`, or remove it"),
            ],
        ),
    ] {
        let expected: Vec<String> = problems.iter().map(|(name, advice)| not_allowed(name, advice)).collect();
        let expected: Vec<(&str, &str)> = expected.iter().map(|problem| ("archive", problem.as_str())).collect();
        assert_files(&files.map(|name| (name, &b""[..])), &expected);
    }
    let result = validate_files(&[("ack.yaml", MANIFEST.as_bytes()), ("pack.yml", MANIFEST.as_bytes())]);
    let found = problems(&result);
    let expected = [
        ("archive", "`ack.yaml` is not allowed at the top of a pack; rename it to `pack.yaml`, or remove it"),
        ("archive", "`pack.yml` is not allowed at the top of a pack; move its content into `pack.yaml`, or remove it"),
        ("pack.yaml", "is missing; rename `ack.yaml` to `pack.yaml`"),
    ];
    assert_eq!(found, expected.map(|(field, message)| (field.to_owned(), message.to_owned())));
}

#[test]
fn rejects_a_behavior_md_that_is_not_utf_8() {
    let message = "line 2: contains the byte 0xE9, which is not valid UTF-8 here; save the file as UTF-8";
    let control = "line 1, column 1: contains the control character U+0000; remove it";
    assert_files(&[("behavior.md", b"\x00\nca\xe9")], &[("behavior.md", control), ("behavior.md", message)]);
}

/// At some of these lengths, a character crosses the end of the 8 KiB buffer.
#[test]
fn checks_a_long_behavior_md_to_its_end() {
    for blanks in 8_180..8_200 {
        let text = format!("{}\né日😀\n", " ".repeat(blanks)).repeat(3);
        assert_files(&[("behavior.md", text.as_bytes())], &[]);
        let invalid = |line: usize, byte: u8| {
            format!(
                "line {line}: contains the byte 0x{byte:02X}, which is not valid UTF-8 here; save the file as UTF-8"
            )
        };
        for (bytes, problem) in
            [(&b"\xc3"[..], invalid(7, 0xC3)), (b"\n\xf0\x9f\x98", invalid(8, 0xF0)), (b"\xff\n\n", invalid(7, 0xFF))]
        {
            assert_files(&[("behavior.md", &[text.as_bytes(), bytes].concat())], &[("behavior.md", &problem)]);
        }
    }
}

#[test]
fn rejects_a_missing_pack_yaml_and_suggests_where_it_may_be() {
    let missing = "is missing; must be at the top of the archive, or in the only directory at its top";
    let within = "is missing at the top of the archive, but `sample/` has one; archive that directory, or move the \
                  file to the top";
    let yaml = MANIFEST.as_bytes();
    for (files, problem) in [
        (&[("guides/a.md", &b""[..])][..], missing),
        (&[("PACK.YAML", yaml), ("guides/", b"")], "is missing; rename `PACK.YAML` to `pack.yaml`"),
        (&[("pack.yml", yaml), ("guides/", b"")], "is missing; rename `pack.yml` to `pack.yaml`"),
        (&[("sample/pack.yaml", yaml), ("README.md", b"")], within),
        (&[("sample/pack.yaml", yaml), ("zoo/pack.yaml", yaml)], within),
        // A directory that is allowed in a pack, such as `guides`, is not a wrapping directory.
        (
            &[("guides/pack.yaml", yaml)],
            "is missing at the top of the archive, but `guides/` has one; archive that directory, or move the file to \
             the top",
        ),
        (&[("sample/pack.yml", yaml)], "is missing; rename `sample/pack.yml` to `pack.yaml`"),
        (
            &[("a/b/pack.yaml", yaml)],
            "is missing at the top of the archive, but `a/b/` has one; archive that directory, or move the file to the \
             top",
        ),
    ] {
        let found = problems(&validate_files(files));
        assert!(found.contains(&("pack.yaml".to_owned(), problem.to_owned())), "{files:?}: {found:?}");
    }
    let result = validate_files(&[("pack.yaml/a", yaml), ("data/", b"")]);
    assert_problems(&result, &[("pack.yaml", "`pack.yaml` is a directory; must be a file")], "a directory");
}

#[test]
fn reports_the_problems_with_all_files_at_once() {
    let result = validate_files(&[("pack.yaml", b"name: A"), ("behavior.md", b"\xff"), ("doc/", b"")]);
    let found = problems(&result);
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    let expected = ["archive", "behavior.md", "pack.yaml: description", "pack.yaml: name", "pack.yaml: version"];
    assert_eq!(fields, expected);
}

#[test]
fn validates_everything_inside_a_wrapping_directory() {
    let result = validate_files(&[
        ("my-pack/pack.yml", MANIFEST.as_bytes()),
        ("my-pack/guide/a.md", b""),
        ("my-pack/behavior.md", b"\xff"),
    ]);
    assert_problems(
        &result,
        &[
            ("archive", "`my-pack/guide/` is not allowed at the top of a pack; rename it to `guides/`, or remove it"),
            (
                "archive",
                "`my-pack/pack.yml` is not allowed at the top of a pack; rename it to `pack.yaml`, or remove it",
            ),
            ("behavior.md", "line 1: contains the byte 0xFF, which is not valid UTF-8 here; save the file as UTF-8"),
            ("pack.yaml", "is missing; rename `my-pack/pack.yml` to `pack.yaml`"),
        ],
        "a wrapping directory",
    );
}
