//! Tests for the keys and values of `capabilities`, the caps.yaml fragment.

use test_support::manifest::{manifest_with, manifest_with_capabilities, manifest_with_rule};

use crate::support::{assert_manifest_accepted, assert_manifest_rejected};

#[test]
fn accepts_valid_capabilities() {
    assert_manifest_accepted(manifest_with_rule(
        "domains: [a]\nmethods: [GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS, GET]\nallow_insecure: false",
    ));
    assert_manifest_accepted(manifest_with_rule(
        "name: A-1_b\ndomains: [a]\nmethods: [GET]\npaths: [/, /a b, '/**/x*', /é]\nallow_insecure: TRUE",
    ));
    assert_manifest_accepted(manifest_with_rule("domains: [a.b]\nmethods: [GET]\npaths: []"));
    assert_manifest_accepted(manifest_with_capabilities(&format!(
        "  - {{name: {}, type: http, allow: [{{domains: [a], methods: [GET]}}], transforms: [], budgets: {{}}}}\n",
        "a".repeat(64)
    )));
}

#[test]
fn rejects_anything_but_a_list_of_mappings() {
    assert_manifest_rejected(
        manifest_with("capabilities: text\n"),
        &[(
            "pack.yaml: capabilities",
            "line 4: `text` is text; must be a list, with each item on its own line after `- `",
        )],
    );
    assert_manifest_rejected(
        manifest_with("capabilities: {}\n"),
        &[(
            "pack.yaml: capabilities",
            "line 4: is a mapping; must be a list, with each item on its own line after `- `",
        )],
    );
    assert_manifest_rejected(
        manifest_with("capabilities: [a, [], ]\n"),
        &[
            ("pack.yaml: capabilities[0]", "line 4: `a` is text; must be a mapping of keys to values"),
            ("pack.yaml: capabilities[1]", "line 4: is a list; must be a mapping of keys to values"),
        ],
    );
    assert_manifest_rejected(
        manifest_with("capabilities:\n"),
        &[(
            "pack.yaml: capabilities",
            "line 4: has no value; write a list, with each item on its own line after `- `, or remove the key",
        )],
    );
}

#[test]
fn rejects_invalid_capabilities() {
    assert_manifest_rejected(
        manifest_with_capabilities("  - {}\n"),
        &[
            ("pack.yaml: capabilities[0].allow", "line 5: is missing; must be a list of rules"),
            ("pack.yaml: capabilities[0].name", "line 5: is missing; must be a name such as `pagerduty`"),
            ("pack.yaml: capabilities[0].type", "line 5: is missing; must be `http`"),
        ],
    );
    assert_manifest_rejected(
        manifest_with_capabilities(
            "  - nmae: a\n    typ: http\n    alow: []\n    transform: []\n    budget: {}\n    x: y\n",
        ),
        &[
            ("pack.yaml: capabilities[0]", "line 5: `nmae` is not a valid key here: did you mean `name`?"),
            ("pack.yaml: capabilities[0]", "line 6: `typ` is not a valid key here: did you mean `type`?"),
            ("pack.yaml: capabilities[0]", "line 7: `alow` is not a valid key here: did you mean `allow`?"),
            ("pack.yaml: capabilities[0]", "line 8: `transform` is not a valid key here: did you mean `transforms`?"),
            ("pack.yaml: capabilities[0]", "line 9: `budget` is not a valid key here: did you mean `budgets`?"),
            (
                "pack.yaml: capabilities[0]",
                "line 10: `x` is not a valid key here; must be one of `name`, `type`, `allow`, `transforms`, `budgets`",
            ),
            (
                "pack.yaml: capabilities[0].allow",
                "line 5: is missing; must be a list of rules; rename `alow` to `allow`",
            ),
            (
                "pack.yaml: capabilities[0].name",
                "line 5: is missing; must be a name such as `pagerduty`; rename `nmae` to `name`",
            ),
            ("pack.yaml: capabilities[0].type", "line 5: is missing; must be `http`; rename `typ` to `type`"),
        ],
    );
    assert_manifest_rejected(
        manifest_with_capabilities("  - name: _a\n    type: https\n    allow: []\n"),
        &[
            ("pack.yaml: capabilities[0].allow", "line 7: is empty; must have at least one rule"),
            (
                "pack.yaml: capabilities[0].name",
                "line 5: `_a` starts with an underscore, which is reserved for the platform",
            ),
            ("pack.yaml: capabilities[0].type", "line 6: `https` is not allowed: did you mean `http`?"),
        ],
    );
    assert_manifest_rejected(
        manifest_with_capabilities("  - name: 5\n    type: grpc\n    allow: {}\n    transforms: {}\n    budgets: []\n"),
        &[
            (
                "pack.yaml: capabilities[0].allow",
                "line 7: is a mapping; must be a list, with each item on its own line after `- `",
            ),
            ("pack.yaml: capabilities[0].budgets", "line 9: is a list; must be a mapping of keys to values"),
            (
                "pack.yaml: capabilities[0].name",
                "line 5: `5` is a number, not text, and must start with a letter and contain only ASCII letters, \
                 digits, `_` and `-`",
            ),
            (
                "pack.yaml: capabilities[0].transforms",
                "line 8: is a mapping; must be a list, with each item on its own line after `- `",
            ),
            ("pack.yaml: capabilities[0].type", "line 6: `grpc` is not allowed; must be `http`"),
        ],
    );
    assert_manifest_rejected(
        manifest_with_capabilities("  - name: \"\"\n    type: HTTP\n    allow: [a]\n"),
        &[
            ("pack.yaml: capabilities[0].allow[0]", "line 7: `a` is text; must be a mapping of keys to values"),
            (
                "pack.yaml: capabilities[0].name",
                r#"line 5: `""` must start with a letter and contain only ASCII letters, digits, `_` and `-`"#,
            ),
            ("pack.yaml: capabilities[0].type", "line 6: `HTTP` is not allowed: did you mean `http`?"),
        ],
    );
    assert_manifest_rejected(
        manifest_with_capabilities("  - name: a b\n    type:\n    allow:\n    transforms: a\n    budgets: 5\n"),
        &[
            (
                "pack.yaml: capabilities[0].allow",
                "line 7: has no value; write a list, with each item on its own line after `- `",
            ),
            ("pack.yaml: capabilities[0].budgets", "line 9: `5` is a number; must be a mapping of keys to values"),
            (
                "pack.yaml: capabilities[0].name",
                "line 5: `a b` must start with a letter and contain only ASCII letters, digits, `_` and `-`",
            ),
            (
                "pack.yaml: capabilities[0].transforms",
                "line 8: `a` is text; must be a list, with each item on its own line after `- `",
            ),
            ("pack.yaml: capabilities[0].type", "line 6: has no value; write text"),
        ],
    );
    assert_manifest_rejected(
        manifest_with_capabilities(&format!(
            "  - name: {}\n    type: http\n    allow: [{{domains: [a.b], methods: [GET]}}]\n",
            "a".repeat(65)
        )),
        &[(
            "pack.yaml: capabilities[0].name",
            "line 5: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` has 65 characters; at most 64 are allowed",
        )],
    );
    assert_manifest_rejected(
        manifest_with_capabilities(
            "  - {name: a, type: http, allow: [{domains: [a.b], methods: [GET]}]}\n  - {name: a, type: http, allow: [{domains: [a.b], methods: [GET]}]}\n",
        ),
        &[("pack.yaml: capabilities[1].name", "line 6: `a` is already the name of another capability; must be unique")],
    );
}

#[test]
fn rejects_invalid_rules() {
    assert_manifest_rejected(
        manifest_with_rule("{}"),
        &[
            (
                "pack.yaml: capabilities[0].allow[0].domains",
                "line 8: is missing; must be a list of hosts such as `api.example.com`",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].methods",
                "line 8: is missing; must be a list of HTTP methods such as `GET`",
            ),
        ],
    );
    assert_manifest_rejected(
        manifest_with_rule("domains: []\nmethods: []"),
        &[
            ("pack.yaml: capabilities[0].allow[0].domains", "line 8: is empty; must have at least one host"),
            ("pack.yaml: capabilities[0].allow[0].methods", "line 9: is empty; must have at least one HTTP method"),
        ],
    );
    assert_manifest_rejected(
        manifest_with_rule("domain: [a.b]\nmethod: [GET]"),
        &[
            (
                "pack.yaml: capabilities[0].allow[0].domains",
                "line 8: is missing; must be a list of hosts such as `api.example.com`; rename `domain` to `domains`",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].methods",
                "line 8: is missing; must be a list of HTTP methods such as `GET`; rename `method` to `methods`",
            ),
        ],
    );
    assert_manifest_rejected(
        manifest_with_rule("domains: a.b\nmethods: GET\npaths: /\nallow_insecure: \"true\"\nname: [a]"),
        &[
            (
                "pack.yaml: capabilities[0].allow[0].allow_insecure",
                "line 11: `true` is text; must be `true` or `false`, without quotes",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].domains",
                "line 8: `a.b` is text; must be a list, with each item on its own line after `- `",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].methods",
                "line 9: `GET` is text; must be a list, with each item on its own line after `- `",
            ),
            ("pack.yaml: capabilities[0].allow[0].name", "line 12: is a list; must be text"),
            (
                "pack.yaml: capabilities[0].allow[0].paths",
                "line 10: `/` is text; must be a list, with each item on its own line after `- `",
            ),
        ],
    );
    assert_manifest_rejected(
        manifest_with_rule(
            "domains: [5, null, [a]]\nmethods: [get, Get, GETT, TRACE, 5]\nallow_insecure: yes\nname: _x",
        ),
        &[
            (
                "pack.yaml: capabilities[0].allow[0].allow_insecure",
                "line 10: `yes` is text; must be `true` or `false`, without quotes",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].domains[0]",
                "line 8: `5` is a number, not text, and ends in a number but is not an IPv4 address such as `192.0.2.1`",
            ),
            ("pack.yaml: capabilities[0].allow[0].domains[1]", "line 8: has no value; write text"),
            ("pack.yaml: capabilities[0].allow[0].domains[2]", "line 8: is a list; must be text"),
            ("pack.yaml: capabilities[0].allow[0].methods[0]", "line 9: `get` is not allowed: did you mean `GET`?"),
            ("pack.yaml: capabilities[0].allow[0].methods[1]", "line 9: `Get` is not allowed: did you mean `GET`?"),
            ("pack.yaml: capabilities[0].allow[0].methods[2]", "line 9: `GETT` is not allowed: did you mean `GET`?"),
            (
                "pack.yaml: capabilities[0].allow[0].methods[3]",
                "line 9: `TRACE` is not allowed; must be one of `GET`, `POST`, `PUT`, `DELETE`, `PATCH`, `HEAD`, `OPTIONS`",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].methods[4]",
                "line 9: `5` is a number, not text, and is not allowed; must be one of `GET`, `POST`, `PUT`, `DELETE`, `PATCH`, `HEAD`, `OPTIONS`",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].name",
                "line 11: `_x` starts with an underscore, which is reserved for the platform",
            ),
        ],
    );
    assert_manifest_rejected(
        manifest_with_rule(
            "domains: [a.b]\nmethods: [GET]\npaths: [v1, ./v1, '', /ok, \"/a\\nb\", 5, 'https://a.b/c']",
        ),
        &[
            ("pack.yaml: capabilities[0].allow[0].paths[0]", "line 10: `v1` must start with `/`: did you mean `/v1`?"),
            (
                "pack.yaml: capabilities[0].allow[0].paths[1]",
                "line 10: `./v1` must start with `/`: did you mean `/v1`?",
            ),
            ("pack.yaml: capabilities[0].allow[0].paths[2]", r#"line 10: `""` must start with `/`: did you mean `/`?"#),
            (
                "pack.yaml: capabilities[0].allow[0].paths[4]",
                "line 10: `/a\\nb` must be a single line, without line breaks or tabs",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].paths[5]",
                r#"line 10: `5` is a number, not text, and must start with `/`; write `- "/5"`"#,
            ),
            ("pack.yaml: capabilities[0].allow[0].paths[6]", "line 10: `https://a.b/c` must start with `/`"),
        ],
    );
    assert_manifest_rejected(
        manifest_with_rule("domains: [*.example.com]\nmethods: [GET]"),
        &[(
            "pack.yaml",
            r#"line 8: `*` outside quotes starts an alias, which is not allowed; put text that starts with `*` in quotes, such as `"*.example.com"`"#,
        )],
    );
}

#[test]
fn rejects_forbidden_characters_in_other_keys() {
    assert_manifest_rejected(
        manifest_with_rule("domains: [a.b]\nmethods: [GET]\nbody: {a: [\"\\e\"], \"\\u202e\": 1}\nwhen: \"a\\u2066\""),
        &[
            (
                "pack.yaml: capabilities[0].allow[0].body",
                "line 10, column 27: contains U+202E RIGHT-TO-LEFT OVERRIDE, which changes the order in which text is displayed; remove it",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].body",
                "line 10, column 20: contains the control character U+001B; remove it",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].when",
                "line 11, column 15: contains U+2066 LEFT-TO-RIGHT ISOLATE, which changes the order in which text is displayed; remove it",
            ),
        ],
    );
    assert_manifest_rejected(
        manifest_with_capabilities(
            "  - name: a\n    type: http\n    allow: [{domains: [a.b], methods: [GET]}]\n    transforms: [\"\\0\"]\n    budgets: {a: \"\\x7f\"}\n",
        ),
        &[
            (
                "pack.yaml: capabilities[0].budgets",
                "line 9, column 18: contains the control character U+007F; remove it",
            ),
            (
                "pack.yaml: capabilities[0].transforms",
                "line 8, column 18: contains the control character U+0000; remove it",
            ),
        ],
    );
}

#[test]
fn a_transform_can_apply_only_to_named_rules() {
    let capability = |applies_to: &str| {
        manifest_with_capabilities(&format!(
            "  - name: a\n    type: http\n    allow:\n      - {{name: read, domains: [a.b], methods: [GET]}}\n      - \
             {{domains: [a.c], methods: [GET]}}\n    transforms:\n      - {{kind: redact, {applies_to}}}\n"
        ))
    };
    for applies_to in ["", "applies_to: read", "applies_to: [read, read]", "applies_to: []"] {
        assert_manifest_accepted(capability(applies_to));
    }
    let unknown = "is not the name of a rule in `allow` of this capability";
    assert_manifest_rejected(
        capability("applies_to: [raed, other, 5]"),
        &[
            (
                "pack.yaml: capabilities[0].transforms[0].applies_to[0]",
                &format!("line 11: `raed` {unknown}: did you mean `read`?"),
            ),
            ("pack.yaml: capabilities[0].transforms[0].applies_to[1]", &format!("line 11: `other` {unknown}")),
            (
                "pack.yaml: capabilities[0].transforms[0].applies_to[2]",
                &format!("line 11: `5` is a number, not text, and {unknown}"),
            ),
        ],
    );
    assert_manifest_rejected(
        capability("applies_to: \"\""),
        &[("pack.yaml: capabilities[0].transforms[0].applies_to", &format!("line 11: `\"\"` {unknown}"))],
    );
    assert_manifest_rejected(
        capability("applies_to: {rule: read}"),
        &[("pack.yaml: capabilities[0].transforms[0].applies_to", "line 11: is a mapping; must be text")],
    );
}
