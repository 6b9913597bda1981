//! Tests that PyYAML reads the author's values from `pack.yaml` and from the caps.yaml fragment in a record.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Value, json};
use test_support::{
    manifest::{manifest_with, manifest_with_capabilities},
    report_missing,
    validation::validate_manifest,
};

use crate::support::assert_manifest_accepted;

const MUTATIONS: usize = 3_000;

/// A Python program that reads a JSON array of strings and parses each string as YAML 1.1. For each string, the JSON
/// array that it prints contains `[value]`, or `[]` if PyYAML rejects the string.
const PYYAML: &str = "
import json, sys, yaml
def read(text):
    try:
        return [yaml.safe_load(text)]
    except yaml.YAMLError:
        return []
json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout, default=str)
";

/// Parses YAML with [`PYYAML`]. Returns `None` if PyYAML is not installed.
fn parse_with_pyyaml(texts: &[String]) -> Option<Vec<Vec<Value>>> {
    let import = Command::new("python3").args(["-c", "import yaml"]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        report_missing("PyYAML");
        return None;
    }
    let mut python =
        Command::new("python3").args(["-c", PYYAML]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = serde_json::to_vec(texts).unwrap();
    python.stdin.take().unwrap().write_all(&input).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "Python failed");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Generates strings, including some that YAML parsers would read as another type if they were not in quotes.
fn text() -> impl Strategy<Value = String> {
    let ambiguous = [
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
        prop::sample::select(ambiguous.to_vec()).prop_map(str::to_owned),
        "[a-zA-Z0-9_/.:*-]{1,12}",
        // Exclude control and format characters, fillers and variation selectors: packs must not contain them, or may
        // contain them only in certain sequences.
        "[\\PC--[\u{115F}\u{1160}\u{180B}-\u{180F}\u{3164}\u{FE00}-\u{FE0F}\u{FFA0}\u{E0100}-\u{E01EF}]]{0,20}",
    ]
}

/// Generates JSON values. The only numbers in them are integers, which all parsers read in the same way.
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
fn pyyaml_reads_the_authors_values_from_the_fragment() {
    let mut runner = TestRunner::deterministic();
    let mut fragments = Vec::new();
    let mut expected = Vec::new();
    for _ in 0..300 {
        let value = value().new_tree(&mut runner).unwrap().current();
        let written = json!([{
            "name": "a",
            "type": "http",
            "allow": [{"domains": ["*.example.com"], "methods": ["GET"], "kept": value}],
            "transforms": [value],
            "budgets": {"yes": value},
        }]);
        // JSON is valid YAML, except for line and paragraph separators.
        let yaml = written.to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        let fragment =
            assert_manifest_accepted(manifest_with(&format!("capabilities: {yaml}\n"))).capabilities.unwrap();
        let indented = fragment.replace('\n', "\n  ");
        let again = assert_manifest_accepted(manifest_with(&format!("capabilities:\n  {}\n", indented.trim_end())))
            .capabilities;
        assert_eq!(again.as_deref(), Some(fragment.as_str()), "{written}");
        fragments.push(fragment);
        expected.push(written);
    }
    let Some(found) = parse_with_pyyaml(&fragments) else { return };
    for ((found, expected), fragment) in found.iter().zip(&expected).zip(&fragments) {
        assert_eq!(found, std::slice::from_ref(expected), "{fragment}");
    }
}

/// Strings that can change the meaning of a YAML document.
const PIECES: [&str; 48] = [
    "\n",
    "\r\n",
    "\r",
    "  ",
    "\t",
    ": ",
    ":",
    "- ",
    "-",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ",",
    "#",
    " #",
    "&a ",
    "*a",
    "!a ",
    "!!str ",
    "|\n",
    ">\n",
    "|-\n  ",
    ">+1\n ",
    "\"",
    "'",
    "\\",
    "\\x41",
    "\\u2028",
    "%",
    "@",
    "`",
    "---\n",
    "...\n",
    "--- ",
    "\u{feff}",
    "\u{85}",
    "é",
    "<<: ",
    "~",
    "yes",
    "1.10",
    "0o7",
    "name: b\n",
    "\n\n",
    "a: {b: [c]}\n",
];

/// Changes `seed` at one to four random places. Each change inserts one of [`PIECES`], or deletes or repeats a few
/// characters.
fn mutated(seed: &str, random: &mut impl FnMut(usize) -> usize) -> String {
    let mut chars: Vec<char> = seed.chars().collect();
    for _ in 0..=random(4) {
        let start = random(chars.len());
        let end = (start + random(8)).min(chars.len());
        match random(4) {
            0 => drop(chars.drain(start..end)),
            1 => {
                let repeated: Vec<char> = chars[start..end].to_vec();
                chars.splice(start..start, repeated);
            }
            _ => drop(chars.splice(start..start, PIECES[random(PIECES.len())].chars())),
        }
    }
    chars.into_iter().collect()
}

#[test]
fn pyyaml_reads_the_same_values_from_every_accepted_manifest() {
    let seeds = [
        include_str!("../../../../../tests/packs/sample/pack.yaml"),
        "name: sample\nversion: '1.0.0'\ndescription: >\n  For a\n  test.\n\n  Of two.\ncategory: \"a\\\n  b\"\ndisplay_name: a\n  b # c\n",
        "{name: sample, version: 1.0.0, description: For a test., suggested_packs: [a, b, ], 'category': \"c\"}\n",
    ];
    let mut runner = TestRunner::deterministic();
    let mut random = |below: usize| (runner.rng().next_u64() % below as u64) as usize;
    let mut texts = Vec::new();
    let mut expected = Vec::new();
    for index in 0..MUTATIONS {
        let text = mutated(seeds[index % seeds.len()], &mut random);
        let Ok(validated) = validate_manifest(&text) else { continue };
        let manifest = validated.pack.manifest;
        if let Some(fragment) = &manifest.capabilities {
            assert_eq!(
                assert_manifest_accepted(manifest_with_capabilities(fragment)).capabilities.as_ref(),
                Some(fragment),
                "{text:?}"
            );
        }
        let mut keys = json!({
            "name": manifest.name, "version": manifest.version, "description": manifest.description,
        });
        if let Some(name) = manifest.display_name {
            keys["display_name"] = name.into();
        }
        if let Some(category) = manifest.category {
            keys["category"] = category.into();
        }
        texts.push(text);
        expected.push(keys);
    }
    assert!(texts.len() > MUTATIONS / 10, "only {} accepted", texts.len());
    let Some(found) = parse_with_pyyaml(&texts) else { return };
    for ((found, expected), text) in found.iter().zip(&expected).zip(&texts) {
        // PyYAML rejects some valid YAML. This is harmless, because it then reads no value that could differ.
        let Some(found) = found.first() else { continue };
        for key in ["name", "version", "description", "display_name", "category"] {
            assert_eq!(found.get(key), expected.get(key), "{text:?}");
        }
    }
}
