//! Validates the caps.yaml fragment: the capabilities that a pack asks an operator to grant to the agent.

mod domain;
mod grants;
mod identifier;
mod rule;

use std::collections::HashSet;

pub use self::grants::Grants;
use super::{
    Problems, Quoted,
    text::{self, TextForm, nearest},
    yaml::{self, Field, Mapping, Value},
};

/// The maximum size of the fragment as YAML text, in bytes.
const MAX_BYTES: usize = 32 << 10;

const KEYS: [&str; 5] = ["name", "type", "allow", "transforms", "budgets"];

const TYPES: [&str; 1] = ["http"];

/// Validates the list of capabilities. Returns any list as YAML text, even an invalid one.
pub(super) fn read(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let mut names = HashSet::new();
    for item in field.list(problems)? {
        if let Some(capability) = item.mapping(problems) {
            validate(&capability, &mut names, problems);
        }
    }
    let text = yaml::emit(field.node);
    if text.len() > MAX_BYTES {
        let length = text.len();
        field.problem(problems, format_args!("has {length} bytes as YAML text; at most {MAX_BYTES} are allowed"));
    }
    Some(text)
}

/// Validates one capability, and adds its name to `names`, which holds the names of earlier capabilities.
fn validate<'a>(capability: &Mapping<'a>, names: &mut HashSet<&'a str>, problems: &mut Problems) {
    capability.reject_unknown(&KEYS, problems);
    if let Some(field) = capability.require("name", "a name such as `pagerduty`", problems)
        && let Some(name) = identifier::read(&field, problems)
        && !names.insert(name)
    {
        let message = format_args!("{} is already the name of another capability; must be unique", Quoted::new(name));
        field.problem(problems, message);
    }
    if let Some(field) = capability.require("type", "`http`", problems) {
        one_of(&field, &TYPES, problems);
    }
    if let Some(allow) = capability.require("allow", "a list of rules", problems) {
        for rule in nonempty_list(&allow, "rule", problems) {
            rule::validate(rule, problems);
        }
    }
    if let Some(transforms) = capability.get("transforms") {
        transforms.list(problems);
        check_characters(&transforms, problems);
    }
    if let Some(budgets) = capability.get("budgets") {
        check_characters(&budgets, problems);
        budgets.mapping(problems);
    }
}

/// Returns the items of a list, and adds a problem if it is empty. `item` says what the list must contain.
fn nonempty_list<'a>(field: &Field<'a>, item: &str, problems: &mut Problems) -> Vec<Field<'a>> {
    let Some(items) = field.list(problems) else { return Vec::new() };
    if items.is_empty() {
        field.problem(problems, format_args!("is empty; must have at least one {item}"));
    }
    items
}

/// Adds a problem unless the text is one of `words`, and suggests the nearest of them or lists them all.
fn one_of(field: &Field<'_>, words: &[&str], problems: &mut Problems) {
    let Some(text) = field.text(problems) else { return };
    if words.contains(&text) {
        return;
    }
    let found = Quoted::new(text);
    match nearest(text, words) {
        Some(word) => field.problem(problems, format_args!("{found} is not allowed: did you mean `{word}`?")),
        None => {
            field.problem(problems, format_args!("{found} is not allowed; must be one of `{}`", words.join("`, `")));
        }
    }
}

/// Checks every scalar in a value for forbidden characters. Nothing else in the value is validated.
fn check_characters(field: &Field<'_>, problems: &mut Problems) {
    let mut check = |line: usize, text: &str| {
        for problem in text::check_characters(text, TextForm::MultiLine) {
            problems.add(&field.name, format_args!("line {line}: {problem}"));
        }
    };
    let mut nodes = vec![field.node];
    while let Some(node) = nodes.pop() {
        match &node.value {
            Value::Scalar(scalar) => check(node.line, &scalar.text),
            Value::Sequence(items) => nodes.extend(items.iter().rev()),
            Value::Mapping(pairs) => {
                for pair in pairs {
                    check(pair.line, &pair.key.text);
                }
                nodes.extend(pairs.iter().rev().map(|pair| &pair.value));
            }
            Value::Rejected => {}
        }
    }
}
