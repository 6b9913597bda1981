//! Tests for the caps.yaml fragment as a record stores it: the value of `capabilities`, parsed and written again.

use test_support::manifest::{manifest_with, manifest_with_rule};

use crate::support::{assert_manifest_accepted, assert_manifest_rejected};

#[track_caller]
fn fragment(yaml: impl AsRef<str>) -> String {
    assert_manifest_accepted(yaml).capabilities.unwrap()
}

#[test]
fn keeps_the_authors_values_and_order() {
    let yaml = r#"capabilities:
- {type: http, name: "api", budgets: {b: 1_000, a: 0x1F, d: -.inf, c: 1e3, "": ~, 3: null, x: , "on": no, "2": +1},
   allow: [{methods: [GET], domains: ['*.Example.COM.', "api.example.com:443"], allow_insecure: True,
   paths: [/v1/*, "/a b"], schema: {nested: [[1, [2]], [], {}, [{k: v}]], 'a: b': "c # d", '- x': "- x", "'": '"\'}}],
   transforms: [[a], {b: [c]}, "2026-01-31", y, 1:30, 1.2.3]}
- name: b
  type: http
  allow:
  - domains: [b]
    methods: [POST]
    when: |
      request.body.size() < 10 &&
        request.path != "/é😀"
"#;
    let expected = r#"- type: http
  name: api
  budgets:
    b: "1_000"
    a: 0x1F
    d: -.inf
    c: 1e3
    "": ~
    3: null
    x: null
    "on": "no"
    "2": +1
  allow:
    - methods:
        - GET
      domains:
        - "*.Example.COM."
        - "api.example.com:443"
      allow_insecure: True
      paths:
        - /v1/*
        - "/a b"
      schema:
        nested:
          - - 1
            - - 2
          - []
          - {}
          - - k: v
        "a: b": "c # d"
        "- x": "- x"
        "'": "\"\\"
  transforms:
    - - a
    - b:
        - c
    - "2026-01-31"
    - "y"
    - "1:30"
    - "1.2.3"
- name: b
  type: http
  allow:
    - domains:
        - b
      methods:
        - POST
      when: "request.body.size() < 10 &&\n  request.path != \"/é😀\"\n"
"#;
    assert_eq!(fragment(manifest_with(yaml)), expected);
    assert_eq!(fragment(manifest_with("capabilities: []\n")), "[]\n");
}

#[test]
fn limits_the_length_of_the_fragment() {
    let sized =
        |length: usize| manifest_with_rule(&format!("domains: [a.b]\nmethods: [GET]\nbody: {}", "x".repeat(length)));
    let rest = fragment(sized(1)).len() - 1;
    assert_eq!(fragment(sized(32_768 - rest)).len(), 32_768);
    let message = "line 5: has 32769 bytes as YAML text; at most 32768 are allowed";
    assert_manifest_rejected(sized(32_769 - rest), &[("pack.yaml: capabilities", message)]);
}

/// YAML 1.1 parsers treat a number such as `010` as octal.
#[test]
fn quotes_numbers_that_have_a_different_value_in_yaml_1_1() {
    for (number, written) in [
        ("010", "\"010\""),
        ("-010", "\"-010\""),
        ("+00", "\"+00\""),
        ("08", "\"08\""),
        ("0", "0"),
        ("-0", "-0"),
        ("10", "10"),
        ("0.10", "0.10"),
        ("0x10", "0x10"),
    ] {
        let yaml = manifest_with_rule(&format!("domains: [a.b]\nmethods: [GET]\nbody: {number}"));
        let expected = format!("\n      body: {written}\n");
        assert!(fragment(&yaml).contains(&expected), "{number}: {}", fragment(&yaml));
    }
}
