//! Other readers of YAML read from a fragment what its author wrote.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::packs::{accepts, more};

/// Reads each of a JSON array's texts as YAML 1.1 and prints what they are as JSON.
const PYYAML: &str = "
import json, sys, yaml
json.dump([yaml.safe_load(text) for text in json.load(sys.stdin)], sys.stdout)
";

/// What PyYAML makes of these texts; nothing where it is not installed.
fn pyyaml(texts: &[String]) -> Option<Vec<Value>> {
    let is_there = Command::new("python3").args(["-c", "import yaml"]).output().is_ok_and(|out| out.status.success());
    if !is_there {
        assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "PyYAML is not installed");
        eprintln!("skipped: PyYAML is not installed");
        return None;
    }
    let mut python = Command::new("python3")
        .args(["-c", PYYAML])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python is there");
    let input = serde_json::to_vec(texts).expect("texts serialise");
    python.stdin.take().expect("a pipe").write_all(&input).expect("Python reads");
    let output = python.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "PyYAML refused a fragment");
    Some(serde_json::from_slice(&output.stdout).expect("Python prints JSON"))
}

/// Text that some reader takes for something else when it stands without quotes, and any text that a pack may hold.
fn text() -> impl Strategy<Value = String> {
    let treacherous = [
        "",
        " ",
        "~",
        "null",
        "true",
        "yes",
        "No",
        "on",
        "y",
        "n",
        "1",
        "1.0",
        "1e3",
        "1_000",
        "0x1F",
        "0o7",
        "010",
        "0b1",
        ".5",
        "+1",
        ".inf",
        "1:30",
        "1:30.5",
        "2026-01-31",
        "2026-01-31T10:00:00Z",
        "=",
        "<<",
        "-",
        "--- ",
        "...",
        "- a",
        "? a",
        "a: b",
        "a:",
        ": a",
        "a #b",
        "#a",
        "[a]",
        "{a}",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "@a",
        "`a",
        "%a",
        "'a'",
        "\"a\"",
        "a\nb",
        "a\n\n b\n",
        "\n",
        "\t",
        "a\tb",
        "\\n",
        "\u{2028}",
        "\u{a0}",
        "é",
        "😀",
        "/v1/*",
        "a, b",
        "null ",
        "True",
        "OFF",
    ];
    prop_oneof![
        prop::sample::select(treacherous.to_vec()).prop_map(str::to_owned),
        "[a-zA-Z0-9_/.:*-]{1,12}",
        "\\PC{0,20}",
    ]
}

/// Any value of JSON, numbers such that every reader takes them for the same.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    scalar.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

#[test]
fn read_what_the_author_wrote() {
    let mut runner = TestRunner::deterministic();
    let mut fragments = Vec::new();
    let mut expected = Vec::new();
    for _ in 0..500 {
        let kept = value().new_tree(&mut runner).expect("a value").current();
        let capabilities = json!([{
            "name": "a",
            "type": "http",
            "allow": [{"domains": ["*.example.com"], "methods": ["GET"], "kept": kept}],
            "transforms": [kept],
            "budgets": {"yes": kept},
        }]);
        // JSON is YAML, line separators aside.
        let yaml = capabilities.to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        let fragment = accepts(more(&format!("capabilities: {yaml}\n"))).capabilities.expect("capabilities");
        let indented = fragment.replace('\n', "\n  ");
        let again = accepts(more(&format!("capabilities:\n  {}\n", indented.trim_end()))).capabilities;
        assert_eq!(again.as_deref(), Some(fragment.as_str()), "{capabilities}");
        fragments.push(fragment);
        expected.push(capabilities);
    }
    let Some(found) = pyyaml(&fragments) else { return };
    for ((found, expected), fragment) in found.iter().zip(&expected).zip(&fragments) {
        assert_eq!(found, expected, "{fragment}");
    }
}
