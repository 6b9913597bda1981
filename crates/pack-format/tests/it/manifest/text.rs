//! Tests for names, versions and other text in `pack.yaml`.

use test_support::manifest::manifest_with;

use crate::support::{assert_manifest_accepted, assert_manifest_rejected};

fn named(name: &str) -> String {
    format!("name: {name}\nversion: 1.0.0\ndescription: x\n")
}

fn versioned(version: &str) -> String {
    format!("name: sample\nversion: {version}\ndescription: x\n")
}

fn described(description: &str) -> String {
    format!("name: sample\nversion: 1.0.0\ndescription: {description}\n")
}

#[test]
fn accepts_text_of_the_maximum_length() {
    assert_manifest_accepted(named(&"a".repeat(63)));
    assert_manifest_accepted(versioned(&format!("1.0.0-{}", "a".repeat(122))));
    assert_manifest_accepted(described(&"é".repeat(1_024)));
    assert_manifest_accepted(manifest_with(&format!(
        "display_name: {}\ncategory: {}\n",
        "日".repeat(128),
        "😀".repeat(64)
    )));
    assert_manifest_accepted(manifest_with(&format!("suggested_packs: [{}]\n", "a, ".repeat(32))));
}

#[test]
fn rejects_invalid_names() {
    for (name, message) in [
        (r#""""#, r#"line 1: `""` must not be empty"#),
        (
            "Sample",
            "line 1: `Sample` must start with a lower-case letter and contain only lower-case letters, digits and \
             single hyphens between them: did you mean `sample`?",
        ),
        (
            "my_pack",
            "line 1: `my_pack` must start with a lower-case letter and contain only lower-case letters, digits and \
             single hyphens between them: did you mean `my-pack`?",
        ),
        (
            "-a",
            "line 1: `-a` must start with a lower-case letter and contain only lower-case letters, digits and single \
             hyphens between them: did you mean `a`?",
        ),
        (
            "a-",
            "line 1: `a-` must start with a lower-case letter and contain only lower-case letters, digits and single \
             hyphens between them: did you mean `a`?",
        ),
        (
            "a--b",
            "line 1: `a--b` must start with a lower-case letter and contain only lower-case letters, digits and \
             single hyphens between them: did you mean `a-b`?",
        ),
        (
            "1a",
            "line 1: `1a` must start with a lower-case letter and contain only lower-case letters, digits and single \
             hyphens between them: did you mean `pack-1a`?",
        ),
        (
            "a b",
            "line 1: `a b` must start with a lower-case letter and contain only lower-case letters, digits and \
             single hyphens between them: did you mean `a-b`?",
        ),
        (
            "ä",
            "line 1: `ä` must start with a lower-case letter and contain only lower-case letters, digits and single \
             hyphens between them",
        ),
        (
            "'a/../b'",
            "line 1: `a/../b` must start with a lower-case letter and contain only lower-case letters, digits and \
             single hyphens between them: did you mean `a-b`?",
        ),
        (
            "\"a\\n\"",
            "line 1: `a\\n` must start with a lower-case letter and contain only lower-case letters, digits and \
             single hyphens between them: did you mean `a`?",
        ),
        (
            "$(id)",
            "line 1: `$(id)` must start with a lower-case letter and contain only lower-case letters, digits and \
             single hyphens between them: did you mean `id`?",
        ),
        (
            &"a".repeat(64),
            "line 1: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` has 64 characters; at most 63 are allowed",
        ),
    ] {
        assert_manifest_rejected(named(name), &[("pack.yaml: name", message)]);
    }
}

#[test]
fn rejects_invalid_versions() {
    for (version, message) in [
        (
            r#""1""#,
            "line 2: `1` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected end of input while \
             parsing major version number): did you mean `1.0.0`?",
        ),
        (
            "v1.2.3",
            "line 2: `v1.2.3` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected character 'v' \
             while parsing major version number): did you mean `1.2.3`?",
        ),
        (
            "1.2.3.4",
            "line 2: `1.2.3.4` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected character '.' \
             after patch version number)",
        ),
        (
            "01.2.3",
            "line 2: `01.2.3` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (invalid leading zero in \
             major version number): did you mean `1.2.3`?",
        ),
        (
            "1.2.3-",
            "line 2: `1.2.3-` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (empty identifier segment \
             in pre-release identifier)",
        ),
        (
            "latest",
            "line 2: `latest` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected character 'l' \
             while parsing major version number)",
        ),
        (
            r#""""#,
            r#"line 2: `""` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (empty string, expected a semver version)"#,
        ),
        (
            r#""1.10""#,
            "line 2: `1.10` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected end of input \
             while parsing minor version number): did you mean `1.10.0`?",
        ),
        (
            "\"1.0.0\\n\"",
            "line 2: `1.0.0\\n` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected character \
             '\\n' after patch version number): did you mean `1.0.0`?",
        ),
        (
            "1.0.0_1",
            "line 2: `1.0.0_1` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected character '_' \
             after patch version number)",
        ),
        (
            "18446744073709551616.0.0",
            "line 2: `18446744073709551616.0.0` is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (value \
             of major version number exceeds u64::MAX)",
        ),
        (
            &format!("1.0.0-{}", "a".repeat(123)),
            "line 2: `1.0.0-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…` has 129 characters; at most 128 are allowed",
        ),
    ] {
        assert_manifest_rejected(versioned(version), &[("pack.yaml: version", message)]);
    }
}

#[test]
fn rejects_invalid_text() {
    assert_manifest_rejected(
        described(&"d".repeat(1_025)),
        &[("pack.yaml: description", "line 3: has 1025 characters; at most 1024 are allowed")],
    );
    assert_manifest_rejected(described("' '"), &[("pack.yaml: description", "line 3: must not be blank")]);
    assert_manifest_rejected(
        described("\"a\\0b\\ec\\e \\u202e\""),
        &[
            ("pack.yaml: description", "line 3, column 14: contains the control character U+0000; remove it"),
            ("pack.yaml: description", "line 3, column 14: contains the control character U+001B; remove it"),
            (
                "pack.yaml: description",
                "line 3, column 14: contains U+202E RIGHT-TO-LEFT OVERRIDE, which changes the order in which text is displayed; remove it",
            ),
        ],
    );
    assert_manifest_rejected(
        described("\"\\u061c \\u200e \\u200f \\u202a \\u2066 \\u2069\""),
        &[
            (
                "pack.yaml: description",
                "line 3, column 14: contains U+061C ARABIC LETTER MARK, which changes the order in which text is displayed; remove it",
            ),
            (
                "pack.yaml: description",
                "line 3, column 14: contains U+200E LEFT-TO-RIGHT MARK, which changes the order in which text is displayed; remove it",
            ),
            (
                "pack.yaml: description",
                "line 3, column 14: contains U+200F RIGHT-TO-LEFT MARK, which changes the order in which text is displayed; remove it",
            ),
            (
                "pack.yaml: description",
                "line 3, column 14: contains U+202A LEFT-TO-RIGHT EMBEDDING, which changes the order in which text is displayed; remove it",
            ),
            (
                "pack.yaml: description",
                "line 3, column 14: contains U+2066 LEFT-TO-RIGHT ISOLATE, which changes the order in which text is displayed; remove it",
            ),
            (
                "pack.yaml: description",
                "line 3, column 14: contains U+2069 POP DIRECTIONAL ISOLATE, which changes the order in which text is displayed; remove it",
            ),
        ],
    );
    assert_manifest_rejected(
        manifest_with(&format!("display_name: {}\ncategory: {}\n", "n".repeat(129), "é".repeat(65))),
        &[
            ("pack.yaml: category", "line 5: has 65 characters; at most 64 are allowed"),
            ("pack.yaml: display_name", "line 4: has 129 characters; at most 128 are allowed"),
        ],
    );
    assert_manifest_rejected(
        manifest_with("display_name: \"a\\nb\"\ncategory: \"a\\tb\"\n"),
        &[
            ("pack.yaml: category", "line 5: must be a single line, without line breaks or tabs"),
            ("pack.yaml: display_name", "line 4: must be a single line, without line breaks or tabs"),
        ],
    );
    assert_manifest_rejected(
        manifest_with("display_name: \"a\\Lb\"\ncategory: \"\\u2066a\\u200e\"\n"),
        &[
            (
                "pack.yaml: category",
                "line 5, column 11: contains U+2066 LEFT-TO-RIGHT ISOLATE, which changes the order in which text is displayed; remove it",
            ),
            (
                "pack.yaml: category",
                "line 5, column 11: contains U+200E LEFT-TO-RIGHT MARK, which changes the order in which text is displayed; remove it",
            ),
            ("pack.yaml: display_name", "line 4: must be a single line, without line breaks or tabs"),
        ],
    );
    assert_manifest_rejected(
        manifest_with("display_name: \"\"\ncategory: \"\\u00a0\"\n"),
        &[
            ("pack.yaml: category", "line 5: must not be blank"),
            ("pack.yaml: display_name", "line 4: must not be blank"),
        ],
    );
}

#[test]
fn rejects_invalid_suggested_packs() {
    assert_manifest_rejected(
        manifest_with("suggested_packs: a, b\n"),
        &[(
            "pack.yaml: suggested_packs",
            "line 4: `a, b` is text; must be a list, with each item on its own line after `- `",
        )],
    );
    assert_manifest_rejected(
        manifest_with("suggested_packs:\n  - Other\n  - 7\n  - [a]\n  -\n"),
        &[
            (
                "pack.yaml: suggested_packs[0]",
                "line 5: `Other` must start with a lower-case letter and contain only lower-case letters, digits and \
                 single hyphens between them: did you mean `other`?",
            ),
            (
                "pack.yaml: suggested_packs[1]",
                "line 6: `7` is a number, not text, and must start with a lower-case letter and contain only lower-case letters, digits and \
                 single hyphens between them; write `- \"pack-7\"`",
            ),
            ("pack.yaml: suggested_packs[2]", "line 7: is a list; must be text"),
            ("pack.yaml: suggested_packs[3]", "line 8: has no value; write text"),
        ],
    );
    assert_manifest_rejected(
        manifest_with(&format!("suggested_packs: [{}]\n", "a, ".repeat(33))),
        &[("pack.yaml: suggested_packs", "line 4: has 33 names; at most 32 are allowed")],
    );
}

#[test]
fn suggests_one_value_for_a_number_or_date_that_is_also_invalid() {
    let not_a_version = "and is not a semantic version such as `1.2.3` or `1.2.3-beta.1`";
    for (version, message) in [
        (
            "1.10",
            format!(
                r#"`1.10` is a number, not text, {not_a_version} (unexpected end of input while parsing minor version number); write `version: "1.10.0"`"#
            ),
        ),
        (
            "2",
            format!(
                r#"`2` is a number, not text, {not_a_version} (unexpected end of input while parsing major version number); write `version: "2.0.0"`"#
            ),
        ),
        (
            "2024-01-31",
            format!(
                r#"`2024-01-31` is a date to some YAML readers, {not_a_version} (unexpected character '-' after major version number); write `version: "2024.1.31"`"#
            ),
        ),
        (
            "1e3",
            format!(
                "`1e3` is a number, not text, {not_a_version} (unexpected character 'e' after major version number)"
            ),
        ),
    ] {
        assert_manifest_rejected(versioned(version), &[("pack.yaml: version", &format!("line 2: {message}"))]);
    }
    let not_a_name = "and must start with a lower-case letter and contain only lower-case letters, digits and single \
                      hyphens between them";
    for (name, message) in [
        ("123", format!(r#"`123` is a number, not text, {not_a_name}; write `name: "pack-123"`"#)),
        (
            "2024-01-31",
            format!(r#"`2024-01-31` is a date to some YAML readers, {not_a_name}; write `name: "pack-2024-01-31"`"#),
        ),
    ] {
        assert_manifest_rejected(named(name), &[("pack.yaml: name", &format!("line 1: {message}"))]);
    }
    assert_manifest_rejected(
        described("2024-01-31"),
        &[(
            "pack.yaml: description",
            r#"line 3: `2024-01-31` is a date to some YAML readers; write `description: "2024-01-31"`"#,
        )],
    );
}

#[test]
fn suggests_a_pack_name_without_the_version() {
    for pack in ["a@1.0.0", "a:1.0.0", "a==1.0.0", "a>=1.0", "a~1", "a^1.0.0", "A@latest"] {
        let message = format!(
            "line 4: `{pack}` must start with a lower-case letter and contain only lower-case letters, digits and \
             single hyphens between them: did you mean `a`?"
        );
        let yaml = manifest_with(&format!("suggested_packs: [\"{pack}\"]\n"));
        assert_manifest_rejected(yaml, &[("pack.yaml: suggested_packs[0]", &message)]);
    }
}
