//! Tests that the JSON schema of `pack.yaml` rejects common mistakes. Other tests use [`assert_accepted`] to check that
//! the schema accepts valid manifests.

use std::sync::LazyLock;

use jsonschema::Validator;
use pack_format::MANIFEST_SCHEMA;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;
use test_support::manifest::{manifest_with, manifest_with_capabilities, manifest_with_rule};

static SCHEMA: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::validator_for(&serde_json::from_str(MANIFEST_SCHEMA).unwrap()).unwrap());

/// Asserts that the schema accepts a manifest.
#[track_caller]
pub(crate) fn assert_accepted(yaml: &str) {
    if let Err(error) = SCHEMA.validate(&parse(yaml)) {
        panic!("the schema rejects {}: {error}\n{yaml}", error.instance_path());
    }
}

/// Parses a manifest the way an editor does.
fn parse(yaml: &str) -> Value {
    json(&Yaml::load_from_str(yaml.trim_start_matches('\u{FEFF}')).unwrap()[0])
}

fn json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Boolean(boolean)) => Value::from(*boolean),
        Yaml::Value(Scalar::Integer(integer)) => Value::from(*integer),
        Yaml::Value(Scalar::FloatingPoint(float)) => Value::from(float.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(pairs) => {
            let key = |key: &Yaml<'_>| key.as_str().map_or_else(|| json(key).to_string(), str::to_owned);
            pairs.iter().map(|(name, value)| (key(name), json(value))).collect()
        }
        _ => Value::Null,
    }
}

#[test]
fn the_schema_rejects_common_mistakes() {
    let rejected = [
        "[]".to_owned(),
        "name: a\nversion: 1.0.0\n".to_owned(),
        "name: Bad_Name\nversion: 1.0.0\ndescription: x\n".to_owned(),
        "name: a\nversion: 1.10\ndescription: x\n".to_owned(),
        "name: a\nversion: v1.2.3\ndescription: x\n".to_owned(),
        "name: a\nversion: 1.0.0\ndescription: \"  \"\n".to_owned(),
        format!("name: a\nversion: 1.0.0\ndescription: {}\n", "x".repeat(1_025)),
        manifest_with("descripton: x\n"),
        manifest_with("display_name:\n"),
        manifest_with("category: \"a\\nb\"\n"),
        manifest_with("suggested_packs: a, b\n"),
        manifest_with("suggested_packs: [A]\n"),
        manifest_with("capabilities: {}\n"),
        manifest_with_capabilities("- {name: a, type: http}\n"),
        manifest_with_capabilities("- {name: a, type: http, allow: []}\n"),
        manifest_with_capabilities("- {name: _a, type: http, allow: [{domains: [a.b], methods: [GET]}]}\n"),
        manifest_with_capabilities("- {name: a, type: tcp, allow: [{domains: [a.b], methods: [GET]}]}\n"),
        manifest_with_capabilities(
            "- {name: a, type: http, domains: [a.b], allow: [{domains: [a.b], methods: [GET]}]}\n",
        ),
        manifest_with_rule("{domains: [\"https://a.b/\"], methods: [GET]}"),
        manifest_with_rule("{domains: a.b, methods: [GET]}"),
        manifest_with_rule("{domains: [a.b], methods: [get]}"),
        manifest_with_rule("{domains: [a.b], methods: [GET], paths: [v1]}"),
        manifest_with_rule("{domains: [a.b], methods: [GET], allow_insecure: \"true\"}"),
    ];
    for yaml in rejected {
        assert!(!SCHEMA.is_valid(&parse(&yaml)), "{yaml}");
    }
}
