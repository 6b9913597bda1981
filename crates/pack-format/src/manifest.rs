use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    PackName, Problem, Problems, Version, capabilities,
    problem::BYTE_ORDER_MARK,
    text::{self, TextForm},
    yaml::{self, Field, SyntaxProblem},
};

pub(super) const PACK_YAML: &str = "pack.yaml";

/// The JSON schema of `pack.yaml`, for editors. It accepts every valid manifest, and some invalid ones.
pub const MANIFEST_SCHEMA: &str = include_str!("../pack.schema.json");

const KEYS: &[&str] =
    &["name", "version", "description", "display_name", "category", "suggested_packs", "capabilities"];

/// The maximum length, in characters.
const MAX_DESCRIPTION: usize = 1_024;
/// The maximum length, in characters.
const MAX_DISPLAY_NAME: usize = 128;
/// The maximum length, in characters.
const MAX_CATEGORY: usize = 64;
const MAX_SUGGESTED_PACKS: usize = 32;

/// A valid `pack.yaml`. Records store these fields under the same names, so a field must not be renamed: existing
/// records could not be read if it is required, and would lose its value if it is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub name: PackName,
    /// The name to show to people instead of `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    pub version: Version,
    /// What the pack is for. It can have several lines.
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The caps.yaml fragment: the value of `capabilities`, parsed and written again as YAML text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
    /// The suggested packs, in the author's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggested_packs: Vec<PackName>,
}

/// Parses the content of a `pack.yaml`. The returned manifest is valid only if this function adds no problems.
pub(super) fn read(content: &[u8], problems: &mut Problems) -> Option<Manifest> {
    let text = text::utf8(content).inspect_err(|error| problems.push(error.in_file(PACK_YAML))).ok()?;
    let (root, syntax_problems) = yaml::parse(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text));
    if root.is_none() && syntax_problems.is_empty() {
        let message = "is empty; must have at least `name`, `version` and `description`";
        problems.push(Problem::in_file(PACK_YAML, PACK_YAML, message, None));
    }
    let is_well_formed = syntax_problems.is_empty();
    for SyntaxProblem { span, message, suggestion } in syntax_problems {
        problems.push(Problem::in_text(PACK_YAML, PACK_YAML, span, message, suggestion));
    }
    let root = root?;
    let manifest = Field::root(PACK_YAML, &root).mapping(problems).and_then(|keys| manifest(&keys, problems));
    manifest.filter(|_| is_well_formed)
}

fn manifest(keys: &yaml::Mapping<'_>, problems: &mut Problems) -> Option<Manifest> {
    keys.reject_unknown(KEYS, problems);
    let name = keys.require("name", "text such as `incident-response`", problems);
    let version = keys.require("version", "a semantic version such as `1.0.0`", problems);
    let description = keys.require("description", "text that says what the pack is for", problems);

    let name = name.and_then(|field| pack_name(&field, problems));
    let version = version.and_then(|field| parse(&field, Version::nearest, problems));
    let description = description.and_then(|field| text(&field, TextForm::MultiLine, MAX_DESCRIPTION, problems));
    let mut line = |key, max| keys.get(key).and_then(|field| text(&field, TextForm::SingleLine, max, problems));
    let display_name = line("display_name", MAX_DISPLAY_NAME);
    let category = line("category", MAX_CATEGORY);
    let suggested_packs = keys.get("suggested_packs").map(|field| suggested_packs(&field, problems));
    let capabilities = keys.get("capabilities").and_then(|field| capabilities::read(&field, problems));
    Some(Manifest {
        name: name?,
        version: version?,
        description: description?,
        display_name,
        category,
        capabilities,
        suggested_packs: suggested_packs.unwrap_or_default(),
    })
}

fn text(field: &Field<'_>, form: TextForm, max: usize, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    for problem in text::check(text, form, max) {
        field.problem(problems, problem);
    }
    Some(text.to_owned())
}

fn pack_name(field: &Field<'_>, problems: &mut Problems) -> Option<PackName> {
    parse(field, PackName::nearest, problems)
}

/// Parses a field's text. If the text is invalid, adds a problem that suggests the value that `nearest` returns, if
/// any.
fn parse<T>(field: &Field<'_>, nearest: fn(&str) -> Option<T>, problems: &mut Problems) -> Option<T>
where
    T: FromStr<Err: fmt::Display> + fmt::Display,
{
    let nearest = |text: &str| nearest(text).map(|nearest| nearest.to_string());
    field.validate(|text| text.parse::<T>().map(drop), nearest, problems)?.parse().ok()
}

fn suggested_packs(field: &Field<'_>, problems: &mut Problems) -> Vec<PackName> {
    let items = field.list(problems).unwrap_or_default();
    if items.len() > MAX_SUGGESTED_PACKS {
        let count = items.len();
        field.problem(problems, format_args!("has {count} names; at most {MAX_SUGGESTED_PACKS} are allowed"));
    }
    items.iter().filter_map(|item| pack_name(item, problems)).collect()
}
