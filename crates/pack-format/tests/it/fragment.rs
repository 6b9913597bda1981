//! The caps.yaml fragment, written out again.

use test_support::packs::{accepts, more, refuses, rule};

/// The fragment as it is written out again.
#[track_caller]
fn written(yaml: impl AsRef<str>) -> String {
    accepts(yaml).capabilities.expect("capabilities")
}

#[test]
fn the_fragment_is_written_out_as_the_author_gave_it() {
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
    assert_eq!(written(more(yaml)), expected);
    assert_eq!(written(more("capabilities: []\n")), "[]\n");
}

#[test]
fn the_text_goes_up_to_its_limit_in_bytes() {
    let sized = |length: usize| rule(&format!("domains: [a.b]\nmethods: [GET]\nbody: {}", "x".repeat(length)));
    let rest = written(sized(1)).len() - 1;
    assert_eq!(written(sized(32_768 - rest)).len(), 32_768);
    let message = "line 5: has 32769 bytes as YAML text; at most 32768 are allowed";
    refuses(sized(32_769 - rest), &[("pack.yaml: capabilities", message)]);
}
