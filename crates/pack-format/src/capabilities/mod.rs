//! Validates the caps.yaml fragment: the capabilities that a pack asks an operator to grant to the agent. [`Grants`]
//! compares the access that two fragments grant.

mod domain;
mod grants;
mod identifier;
mod rule;
mod transform;

use std::collections::HashSet;

pub use self::grants::Grants;
use super::{
    Problems, Quoted,
    text::nearest,
    yaml::{self, Field, Mapping},
};

/// The maximum size of the fragment when written as YAML, in bytes.
const MAX_BYTES: usize = 32 << 10;

const KEYS: [&str; 5] = ["name", "type", "allow", "transforms", "budgets"];

const TYPES: [&str; 1] = ["http"];

/// Validates the list of capabilities. Returns the list as YAML text, even if it has problems, or `None` if the field
/// is not a list.
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

/// Validates one capability, and adds its name to `names`, the names of the capabilities before it.
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
    let mut rules = Vec::new();
    if let Some(allow) = capability.require("allow", "a list of rules", problems) {
        for rule in nonempty_list(&allow, "rule", problems) {
            rules.extend(rule::validate(rule, problems));
        }
    }
    if let Some(transforms) = capability.get("transforms") {
        transforms.check_characters(problems);
        for transform in transforms.list(problems).unwrap_or_default() {
            transform::validate(transform, &rules, problems);
        }
    }
    if let Some(budgets) = capability.get("budgets") {
        budgets.check_characters(problems);
        budgets.mapping(problems);
    }
}

/// Returns the items of a list, and adds a problem if there are none. `item` is the noun for one item in the message,
/// such as `rule`.
fn nonempty_list<'a>(field: &Field<'a>, item: &str, problems: &mut Problems) -> Vec<Field<'a>> {
    let Some(items) = field.list(problems) else { return Vec::new() };
    if items.is_empty() {
        field.problem(problems, format_args!("is empty; must have at least one {item}"));
    }
    items
}

/// Adds a problem unless the text is one of `words`. The problem suggests the nearest word, or lists all words.
fn one_of(field: &Field<'_>, words: &[&str], problems: &mut Problems) {
    let nearest = |text: &str| nearest(text, words).map(str::to_owned);
    let check = |text: &str| match (words.contains(&text), nearest(text)) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err("is not allowed".to_owned()),
        (false, None) => {
            let one_of = if words.len() > 1 { "one of " } else { "" };
            Err(format!("is not allowed; must be {one_of}`{}`", words.join("`, `")))
        }
    };
    field.validate(check, nearest, problems);
}
