//! Tests for the subset of YAML that is allowed in `pack.yaml`.

use pack_format::{Location, Problem, ValidationError};
use test_support::{
    manifest::manifest_with,
    validation::{ValidatedPack, validate_manifest},
};

use crate::support::{assert_manifest_accepted, assert_manifest_rejected, assert_problems};

/// Removing the NULs in line 2 joins the two line breaks around them, so the NULs in line 3 move to line 2. The
/// suggestions are still correct.
#[test]
fn a_suggestion_may_join_two_line_breaks() {
    for yaml in ["np\r\0\0\n\0\0\0", "np\r\0\n\0", "np\r\0\n\0\r\0\n\0"] {
        let result = validate_manifest(yaml);
        assert!(matches!(result, Err(ValidationError::Invalid(_))), "{result:?}");
    }
}

/// The value of a block scalar ends with a line break even if the file does not, so replacing only its text would not
/// help.
#[test]
fn suggests_no_replacement_for_the_text_of_a_block_scalar() {
    for start in ["|", ">"] {
        let result = validate_manifest(format!("version: 1.0.0\ndescription: A sample\nname: {start}\n  My Sample"));
        let Err(ValidationError::Invalid(problems)) = result else { panic!("{result:?}") };
        let [Problem { message, location, .. }] = problems.listed() else { panic!("{problems:?}") };
        assert!(message.starts_with("line 4: `My Sample\\n` must start with"), "{message}");
        assert!(matches!(location, Some(Location::File { suggestion: None, .. })), "{location:?}");
    }
}

#[test]
fn rejects_anything_but_one_mapping() {
    assert_manifest_rejected("", &[("pack.yaml", "is empty; must have at least `name`, `version` and `description`")]);
    assert_manifest_rejected(
        "# only a comment\n",
        &[("pack.yaml", "is empty; must have at least `name`, `version` and `description`")],
    );
    assert_manifest_rejected("---\n...\n", &[("pack.yaml", "line 2: has no value; write a mapping of keys to values")]);
    assert_manifest_rejected(
        "- name: sample\n",
        &[("pack.yaml", "line 1: is a list; must be a mapping of keys to values")],
    );
    assert_manifest_rejected(
        "just text\n",
        &[("pack.yaml", "line 1: `just text` is text; must be a mapping of keys to values")],
    );
    assert_manifest_rejected(
        "name:sample\n",
        &[("pack.yaml", "line 1: `name:sample` is text; must be a mapping of keys to values")],
    );
    assert_manifest_rejected(
        manifest_with("---\nname: other\n"),
        &[("pack.yaml", "line 4: starts a second document; only one is allowed")],
    );
    assert_manifest_rejected(
        manifest_with("...\nname: other\n"),
        &[("pack.yaml", "line 5: starts a second document; only one is allowed")],
    );
    assert_manifest_rejected(
        manifest_with("---\n"),
        &[("pack.yaml", "line 4: starts a second document; only one is allowed")],
    );
}

#[test]
fn rejects_yaml_outside_the_allowed_subset() {
    assert_manifest_rejected(
        "name: &anchor sample\nversion: 1.0.0\ndescription: *anchor\n",
        &[
            ("pack.yaml", "line 1: has an anchor (`&…`), which is not allowed; repeat the value where it is needed"),
            ("pack.yaml", "line 3: is an alias (`*…`), which is not allowed; write the value out"),
        ],
    );
    assert_manifest_rejected(
        "name: !!str sample\nversion: !!float 1.10\ndescription: !text For a test.\n",
        &[
            (
                "pack.yaml",
                "line 1: has a tag (`!…`), which is not allowed; remove it, and put the value in quotes if it is text",
            ),
            (
                "pack.yaml",
                "line 2: has a tag (`!…`), which is not allowed; remove it, and put the value in quotes if it is text",
            ),
            (
                "pack.yaml",
                "line 3: has a tag (`!…`), which is not allowed; remove it, and put the value in quotes if it is text",
            ),
        ],
    );
    assert_manifest_rejected(
        "categorie: &base\n  a: b\n<<: *base\nname: sample\nversion: 1.0.0\ndescription: x\n",
        &[
            ("pack.yaml", "line 1: has an anchor (`&…`), which is not allowed; repeat the value where it is needed"),
            ("pack.yaml", "line 3: is an alias (`*…`), which is not allowed; write the value out"),
            ("pack.yaml", "line 3: `<<` is a merge key, which is not allowed; write the keys out"),
            ("pack.yaml", "line 1: `categorie` is not a valid key here: did you mean `category`?"),
        ],
    );
    assert_manifest_rejected(
        manifest_with("category: *ops\n"),
        &[(
            "pack.yaml",
            r#"line 4: `*` outside quotes starts an alias, which is not allowed; put text that starts with `*` in quotes, such as `"*.example.com"`"#,
        )],
    );
    assert_manifest_rejected(
        manifest_with("name: other\ndescription: Again.\n"),
        &[
            ("pack.yaml", "line 4: `name` appears twice; a key may appear only once"),
            ("pack.yaml", "line 5: `description` appears twice; a key may appear only once"),
        ],
    );
    assert_manifest_rejected(
        manifest_with("category: {a: 1, a: 2, \"a\": 3, 1: x, \"1\": y}\n"),
        &[
            ("pack.yaml", "line 4: `a` appears twice; a key may appear only once"),
            ("pack.yaml", "line 4: `1` appears twice; a key may appear only once"),
            ("pack.yaml: category", "line 4: is a mapping; must be text"),
        ],
    );
    assert_manifest_rejected(
        manifest_with("? [category]\n: operations\n? {a: b}\n: c\n"),
        &[
            ("pack.yaml", "line 4: has a list or a mapping as a key; a key must be text"),
            ("pack.yaml", "line 6: has a list or a mapping as a key; a key must be text"),
        ],
    );
    assert_manifest_rejected(
        manifest_with("category: &a [&b [&c [x, *c], *b], *a]\n"),
        &[
            ("pack.yaml", "line 4: has an anchor (`&…`), which is not allowed; repeat the value where it is needed"),
            ("pack.yaml", "line 4: is an alias (`*…`), which is not allowed; write the value out"),
            ("pack.yaml: category", "line 4: is a list; must be text"),
        ],
    );
    assert_manifest_rejected(
        manifest_with(&format!("{}: x\n", "k".repeat(129))),
        &[(
            "pack.yaml",
            "line 4: `kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk…` is a key of 129 characters; at most 128 are allowed",
        )],
    );
}

#[test]
fn limits_the_nesting_depth() {
    assert_manifest_rejected(
        manifest_with(&format!("category: {}x{}\n", "[".repeat(33), "]".repeat(33))),
        &[
            ("pack.yaml", "line 4: is nested too deeply; at most 32 levels are allowed"),
            ("pack.yaml: category", "line 4: is a list; must be text"),
        ],
    );
    assert_manifest_rejected(
        manifest_with(&format!("category: {}\n", "[".repeat(60_000))),
        &[("pack.yaml", "line 4: is nested too deeply; at most 32 levels are allowed")],
    );
    assert_manifest_rejected(
        manifest_with(&format!("category:\n{}\n", "- ".repeat(30_000))),
        &[
            ("pack.yaml", "line 5: is nested too deeply; at most 32 levels are allowed"),
            ("pack.yaml: category", "line 5: is a list; must be text"),
        ],
    );
    assert_manifest_rejected(
        manifest_with(&format!("category:\n{}\n", "? ".repeat(30_000))),
        &[
            ("pack.yaml", "line 5: is nested too deeply; at most 32 levels are allowed"),
            ("pack.yaml", "line 5: has a list or a mapping as a key; a key must be text"),
            ("pack.yaml: category", "line 4: has no value; write text, or remove the key"),
        ],
    );
    assert_manifest_rejected(
        manifest_with(&format!("category: {}\n", "{a: ".repeat(10_000))),
        &[("pack.yaml", "line 4: is nested too deeply; at most 32 levels are allowed")],
    );
}

#[test]
fn a_syntax_error_is_the_only_problem_reported() {
    assert_manifest_rejected(
        "name: sample\n\tversion: 1.0.0\n",
        &[("pack.yaml", "line 2: is not valid YAML (while scanning a plain scalar, found a tab); indent with spaces")],
    );
    assert_manifest_rejected(
        "nam: Sample\nversion: 1\ncapabilities:\n\t- name: pagerduty\n",
        &[(
            "pack.yaml",
            "line 4: is not valid YAML (tabs disallowed within this context (block indentation)); indent with spaces",
        )],
    );
    assert_manifest_rejected(
        "name: sample\nversion: 1.0.0\ndescription: Pages people: at night.\n",
        &[(
            "pack.yaml",
            "line 3: is not valid YAML (mapping values are not allowed in this context); put a value that contains `: ` in quotes, or indent all keys of a mapping by the same amount",
        )],
    );
    assert_manifest_rejected(
        "name: \"sample\nversion: 1.0.0\n",
        &[(
            "pack.yaml",
            "line 1: is not valid YAML (invalid indentation in quoted scalar); look for a missing or extra quotation mark",
        )],
    );
    assert_manifest_rejected(
        "name: 'it's'\n",
        &[(
            "pack.yaml",
            "line 1: is not valid YAML (invalid trailing content after double-quoted scalar); look for a missing or extra quotation mark",
        )],
    );
    assert_manifest_rejected(
        "name: @sample\n",
        &[(
            "pack.yaml",
            "line 1: is not valid YAML (unexpected character: `@'); put a value that starts with this character in quotes",
        )],
    );
    assert_manifest_rejected(
        "name: sample\nversion\n",
        &[("pack.yaml", "line 2: is not valid YAML (simple key expect ':'); write `:` and a space after each key")],
    );
    assert_manifest_rejected(
        "name: [sample\n",
        &[("pack.yaml", "line 2: is not valid YAML (while parsing a flow sequence, expected ',' or ']')")],
    );
    assert_manifest_rejected(
        "name: sample\n version: 1.0.0\n",
        &[(
            "pack.yaml",
            "line 2: is not valid YAML (mapping values are not allowed in this context); put a value that contains `: ` in quotes, or indent all keys of a mapping by the same amount",
        )],
    );
    assert_manifest_rejected(
        "name: sample\u{d}\n\u{d}\nversion: [\u{d}\n",
        &[("pack.yaml", "line 4: is not valid YAML (while parsing a node, did not find expected node content)")],
    );
}

#[test]
fn suggests_single_quotes_for_an_invalid_escape() {
    const INVALID: &str = "has an invalid escape in double quotes, in which a backslash starts an escape; put the text in \
                           single quotes, in which a backslash is an ordinary character";
    const SURROGATE: &str = "has an invalid code point after a backslash in double quotes, such as half of a JSON \
                             surrogate pair; write the character itself, or put the text in single quotes, in which a \
                             backslash is an ordinary character";
    for (text, problem, replacement) in [
        (r#""regex \d+""#, INVALID, Some(r"'regex \d+'")),
        (r#""C:\Users""#, INVALID, Some(r"'C:\Users'")),
        (r#""it's \d""#, INVALID, Some(r"'it''s \d'")),
        (r#""\ud83d""#, SURROGATE, Some(r"'\ud83d'")),
        (r#""\x4""#, INVALID, Some(r"'\x4'")),
        (r#""a \"\d\" ""#, INVALID, None),
        ("\"a \\d\n  b\"", INVALID, None),
    ] {
        let result = validate_manifest(manifest_with(&format!("category: {text}\n")));
        assert_problems(&result, &[("pack.yaml", &format!("line 4: {problem}"))], text);
        assert_eq!(replacement_of(&result).as_deref(), replacement, "{text}");
    }
}

/// In quotes, `*a` would be text, but not a valid key or document.
#[test]
fn suggests_quoting_an_asterisk_only_in_a_value() {
    let unquoted = "`*` outside quotes starts an alias, which is not allowed; put text that starts with `*` in quotes, \
                    such as `\"*.example.com\"`";
    for (yaml, replacement) in [
        ("category: *a\n", Some("\"*a\"")),
        ("suggested_packs: [ *a ]\n", Some("\"*a\"")),
        ("suggested_packs: [a, *a]\n", Some("\"*a\"")),
        ("suggested_packs:\n- *a\n", Some("\"*a\"")),
        ("*a\n", None),
        ("*a : b\n", None),
        ("{c: d, *a : b}\n", None),
    ] {
        let result = validate_manifest(yaml);
        let line = yaml.lines().position(|line| line.contains('*')).unwrap() + 1;
        assert_problems(&result, &[("pack.yaml", &format!("line {line}: {unquoted}"))], yaml);
        assert_eq!(replacement_of(&result).as_deref(), replacement, "{yaml}");
    }
}

/// Returns the replacement that the result's only problem suggests.
fn replacement_of(result: &Result<ValidatedPack, ValidationError>) -> Option<String> {
    let Err(ValidationError::Invalid(problems)) = result else { panic!("no problems") };
    match problems.listed() {
        [Problem { location: Some(Location::File { suggestion, .. }), .. }] => {
            suggestion.as_ref().map(|suggestion| suggestion.replacement.clone())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rejects_characters_that_yaml_does_not_allow() {
    for (yaml, line, column, character, them) in [
        ("name: sam\u{0}ple\n", 1, 10, "U+0000", "it"),
        ("name: sample\n# \u{1b}[31m\n", 2, 3, "U+001B", "it"),
        ("name: sample\u{d}# a\u{2028}name: other\n", 2, 4, "U+2028 LINE SEPARATOR", "it"),
        ("name: sample\u{85}version: 1.0.0\n", 1, 13, "U+0085", "it"),
        ("name: sample\n\u{feff}version: 1.0.0\n", 2, 1, "U+FEFF ZERO WIDTH NO-BREAK SPACE", "it"),
        ("name: sample\u{d}name: \u{7f}\n", 2, 7, "U+007F", "it"),
        ("name: \u{ffff}\n", 1, 7, "U+FFFF", "it"),
        ("name: a\u{8}\u{7}b\u{8}\n", 1, 8, "U+0008", "it and the character after it"),
        ("name: \u{8}\u{8}\u{8}\n", 1, 7, "U+0008", "it and the 2 characters after it"),
        ("name: \u{8}a\u{8}\n", 1, 7, "U+0008", "it"),
    ] {
        let message = format!(
            "line {line}: contains the character {character} in column {column}, which is not allowed here; remove {them}"
        );
        assert_manifest_rejected(yaml, &[("pack.yaml", &message)]);
    }
}

#[test]
fn accepts_equivalent_notations() {
    for yaml in [
        "name: sample\nversion: 1.0.0\ndescription: For a test.\n",
        "\u{feff}name: sample\nversion: 1.0.0\ndescription: For a test.\n",
        "name: sample\r\nversion: 1.0.0\r\ndescription: For a test.\r\n",
        "--- # the pack\n\nname:    sample  # its name\nversion: '1.0.0'\ndescription: >-\n  For a\n  test.\n...\n",
        "%YAML 1.2\n---\n\"name\": \"sample\"\n'version': \"1.0.0\"\n? description\n: |-\n  For a test.\n",
        r#"{"description": "For a\u0020test.", "version": "1.0.0", "name": "sample"}"#,
        "  name: sample\n  version: 1.0.0\n  description: For a\n    test.\n",
    ] {
        let manifest = assert_manifest_accepted(yaml);
        let found = (manifest.name.as_str(), manifest.version.as_str(), manifest.description.as_str());
        assert_eq!(found, ("sample", "1.0.0", "For a test."), "{yaml:?}");
    }
}

#[test]
fn accepts_the_maximum_nesting_depth_and_key_length() {
    // The document, the list, the capability and its budgets add four levels.
    let nested = format!("{}x{}", "[".repeat(28), "]".repeat(28));
    let key = "é".repeat(128);
    let rule = "{domains: [a.b], methods: [GET]}";
    assert_manifest_accepted(manifest_with(&format!(
        "capabilities:\n- {{name: a, type: http, allow: [{rule}], budgets: {{{key}: {nested}}}}}\n"
    )));
}
