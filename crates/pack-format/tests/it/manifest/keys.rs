//! Tests for the keys of `pack.yaml` and the types of their values, and for the size and the encoding of the file.

use pack_format::{Limits, ValidationError};
use serde_json::json;
use test_support::{
    manifest::{MANIFEST, manifest_with},
    validation::validate_manifest,
};

use crate::support::{assert_manifest_accepted, assert_manifest_rejected, assert_problems};

/// The record in DynamoDB stores the manifest with these names and values.
#[test]
fn reads_every_key() {
    let yaml = r#"
capabilities:
  - {name: a, type: http, allow: [{domains: [a.b], methods: [GET]}]}
suggested_packs: [runbook-search, a, a]
category: "operations: 24/7"
display_name: Größe 日本 😀
description: |
  Two lines,

  	and a tab.
version: 1.2.3-beta.1+build.5
name: s4mple-1
"#;
    let expected = json!({
        "name": "s4mple-1",
        "version": "1.2.3-beta.1+build.5",
        "description": "Two lines,\n\n\tand a tab.\n",
        "display_name": "Größe 日本 😀",
        "category": "operations: 24/7",
        "capabilities":
            "- name: a\n  type: http\n  allow:\n    - domains:\n        - a.b\n      methods:\n        - GET\n",
        "suggested_packs": ["runbook-search", "a", "a"],
    });
    assert_eq!(json!(assert_manifest_accepted(yaml)), expected);
}

#[test]
fn requires_only_three_keys() {
    let expected = json!({"name": "sample", "version": "1.0.0", "description": "For a test."});
    assert_eq!(json!(assert_manifest_accepted(MANIFEST)), expected);
    assert_eq!(json!(assert_manifest_accepted(manifest_with("suggested_packs: []\n"))), expected);
}

#[test]
fn limits_the_size_of_pack_yaml() {
    let limit = usize::try_from(Limits::default().manifest_bytes).unwrap();
    let yaml = format!("{MANIFEST}{}", "#".repeat(limit - MANIFEST.len()));
    assert_manifest_accepted(&yaml);
    let message = "has 65537 bytes; at most 65536 are allowed (limit `manifest_bytes`)";
    assert_manifest_rejected(format!("{yaml}#"), &[("pack.yaml", message)]);
}

#[test]
fn rejects_a_file_that_is_not_utf_8() {
    let result = validate_manifest(b"name: sample\nversion: 1.0.0\ndescription: caf\xe9\n");
    let message = "line 3: contains the byte 0xE9, which is not valid UTF-8 here; save the file as UTF-8";
    assert_problems(&result, &[("pack.yaml", message)], "Latin-1");
    let utf_16: Vec<u8> = "\u{feff}name: sample\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let message = "line 1: contains the byte 0xFF, which is not valid UTF-8 here; save the file as UTF-8";
    assert_problems(&validate_manifest(utf_16), &[("pack.yaml", message)], "UTF-16");
}

#[test]
fn lists_fifty_problems_and_counts_the_others() {
    let keys: String = (0..60).map(|index| format!("key{index}: x\n")).collect();
    let Err(ValidationError::Invalid(problems)) = validate_manifest(manifest_with(&keys)) else {
        panic!("no problems")
    };
    assert_eq!((problems.listed().len(), problems.unlisted()), (50, 10));
    assert!(problems.to_string().ends_with("; and 10 more"), "{problems}");
}

#[test]
fn rejects_unknown_and_missing_keys() {
    assert_manifest_rejected(
        "nam: sample\nversoin: 1.0.0\ndescription: For a test.\n",
        &[
            ("pack.yaml", "line 1: `nam` is not a valid key here: did you mean `name`?"),
            ("pack.yaml", "line 2: `versoin` is not a valid key here: did you mean `version`?"),
            ("pack.yaml: name", "is missing; must be text such as `incident-response`; rename `nam` to `name`"),
            (
                "pack.yaml: version",
                "is missing; must be a semantic version such as `1.0.0`; rename `versoin` to `version`",
            ),
        ],
    );
    let keys = "must be one of `name`, `version`, `description`, `display_name`, `category`, `suggested_packs`, \
                `capabilities`";
    assert_manifest_rejected(
        manifest_with("author: me\nsuggested-packs: []\nCategory: ops\n1: x\n\"\": x\ntrue: x\n"),
        &[
            ("pack.yaml", &format!("line 4: `author` is not a valid key here; {keys}")),
            ("pack.yaml", "line 5: `suggested-packs` is not a valid key here: did you mean `suggested_packs`?"),
            ("pack.yaml", "line 6: `Category` is not a valid key here: did you mean `category`?"),
            ("pack.yaml", &format!("line 7: `1` is not a valid key here; {keys}")),
            ("pack.yaml", &format!("line 8: `\"\"` is not a valid key here; {keys}")),
            ("pack.yaml", &format!("line 9: `true` is not a valid key here; {keys}")),
        ],
    );
    assert_manifest_rejected(
        "{}\n",
        &[
            ("pack.yaml: description", "is missing; must be text that says what the pack is for"),
            ("pack.yaml: name", "is missing; must be text such as `incident-response`"),
            ("pack.yaml: version", "is missing; must be a semantic version such as `1.0.0`"),
        ],
    );
}

#[test]
fn rejects_values_that_are_not_text() {
    assert_manifest_rejected(
        "name: sample\nversion: 1.10\ndescription: 5\n",
        &[
            ("pack.yaml: description", r#"line 3: `5` is a number, not text; write `description: "5"`"#),
            (
                "pack.yaml: version",
                r#"line 2: `1.10` is a number, not text, and is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected end of input while parsing minor version number); write `version: "1.10.0"`"#,
            ),
        ],
    );
    assert_manifest_rejected(
        "name: true\nversion: 0x10\ndescription: .inf\n",
        &[
            ("pack.yaml: description", r#"line 3: `.inf` is a number, not text; write `description: ".inf"`"#),
            ("pack.yaml: name", r#"line 1: `true` is a boolean, not text; write `name: "true"`"#),
            (
                "pack.yaml: version",
                "line 2: `0x10` is a number, not text, and is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected character 'x' after major version number)",
            ),
        ],
    );
    assert_manifest_rejected(
        "name: FALSE\nversion: -0o17\ndescription: +1.5e-3\n",
        &[
            ("pack.yaml: description", r#"line 3: `+1.5e-3` is a number, not text; write `description: "+1.5e-3"`"#),
            (
                "pack.yaml: name",
                r#"line 1: `FALSE` is a boolean, not text, and must start with a lower-case letter and contain only lower-case letters, digits and single hyphens between them; write `name: "false"`"#,
            ),
            (
                "pack.yaml: version",
                "line 2: `-0o17` is a number to some YAML readers, and is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected character '-' while parsing major version number)",
            ),
        ],
    );
    assert_manifest_rejected(
        "name: null\nversion: ~\ndescription:\n",
        &[
            ("pack.yaml: description", "line 3: has no value; write text"),
            ("pack.yaml: name", "line 1: has no value; write text"),
            ("pack.yaml: version", "line 2: has no value; write text"),
        ],
    );
    assert_manifest_rejected(
        "name: [sample]\nversion: {major: 1}\ndescription: []\n",
        &[
            ("pack.yaml: description", "line 3: is a list; must be text"),
            ("pack.yaml: name", "line 1: is a list; must be text"),
            ("pack.yaml: version", "line 2: is a mapping; must be text"),
        ],
    );
    assert_manifest_rejected(
        manifest_with("display_name:\ncategory: 0o17\nsuggested_packs:\ncapabilities:\n"),
        &[
            (
                "pack.yaml: capabilities",
                "line 7: has no value; write a list, with each item on its own line after `- `, or remove the key",
            ),
            ("pack.yaml: category", r#"line 5: `0o17` is a number, not text; write `category: "0o17"`"#),
            ("pack.yaml: display_name", "line 4: has no value; write text, or remove the key"),
            (
                "pack.yaml: suggested_packs",
                "line 6: has no value; write a list, with each item on its own line after `- `, or remove the key",
            ),
        ],
    );
}

#[test]
fn rejects_unquoted_text_that_some_parsers_do_not_treat_as_text() {
    assert_manifest_rejected(
        "name: no\nversion: 1_000\ndescription: 2026-01-31\n",
        &[
            (
                "pack.yaml: description",
                r#"line 3: `2026-01-31` is a date to some YAML readers; write `description: "2026-01-31"`"#,
            ),
            ("pack.yaml: name", r#"line 1: `no` is a boolean to some YAML readers; write `name: "no"`"#),
            (
                "pack.yaml: version",
                "line 2: `1_000` is a number to some YAML readers, and is not a semantic version such as `1.2.3` or `1.2.3-beta.1` (unexpected character '_' after major version number)",
            ),
        ],
    );
    assert_manifest_rejected(
        manifest_with("display_name: 1:30\ncategory: on\n"),
        &[
            ("pack.yaml: category", r#"line 5: `on` is a boolean to some YAML readers; write `category: "on"`"#),
            (
                "pack.yaml: display_name",
                r#"line 4: `1:30` is a number to some YAML readers; write `display_name: "1:30"`"#,
            ),
        ],
    );
    assert_manifest_rejected(
        manifest_with("display_name: 0b1\ncategory: 2026-01-31T10:00:00Z\n"),
        &[
            (
                "pack.yaml: category",
                r#"line 5: `2026-01-31T10:00:00Z` is a date to some YAML readers; write `category: "2026-01-31T10:00:00Z"`"#,
            ),
            (
                "pack.yaml: display_name",
                r#"line 4: `0b1` is a number to some YAML readers; write `display_name: "0b1"`"#,
            ),
        ],
    );
    assert_manifest_rejected(
        manifest_with("display_name: -0x_1F\ncategory: 190:20:30.15\n"),
        &[
            (
                "pack.yaml: category",
                r#"line 5: `190:20:30.15` is a number to some YAML readers; write `category: "190:20:30.15"`"#,
            ),
            (
                "pack.yaml: display_name",
                r#"line 4: `-0x_1F` is a number to some YAML readers; write `display_name: "-0x_1F"`"#,
            ),
        ],
    );
}
