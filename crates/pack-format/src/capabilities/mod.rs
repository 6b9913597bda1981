//! The caps.yaml fragment: what a pack would let an agent do, for an operator to grant.

mod domain;
mod identifier;
mod rule;

use std::collections::HashSet;

use super::{
    Problems, Quoted,
    text::{self, InvalidText, Lines, nearest},
    yaml::{self, Mapping, Place, Value},
};

/// The longest fragment, in bytes of the text that it is written out as.
const MAX_BYTES: usize = 32 << 10;

const KEYS: [&str; 5] = ["name", "type", "allow", "transforms", "budgets"];

/// The closed enum of a capability's types.
const TYPES: [&str; 1] = ["http"];

/// Validates the list of capabilities, and writes it out again.
pub(super) fn read(place: &Place<'_>, problems: &mut Problems) -> Option<String> {
    let mut names = HashSet::new();
    for item in place.list(problems)? {
        if let Some(capability) = item.mapping(problems) {
            validate(&capability, &mut names, problems);
        }
    }
    let text = yaml::emit(place.node);
    if text.len() > MAX_BYTES {
        let length = text.len();
        place.problem(problems, format_args!("has {length} bytes as YAML text; at most {MAX_BYTES} are allowed"));
    }
    Some(text)
}

/// Validates one capability, whose name must not be one of `names` so far.
fn validate<'a>(capability: &Mapping<'a>, names: &mut HashSet<&'a str>, problems: &mut Problems) {
    capability.refuse_others(&KEYS, problems);
    if let Some(place) = capability.require("name", "a name such as `pagerduty`", problems)
        && let Some(name) = identifier::read(&place, problems)
        && !names.insert(name)
    {
        place
            .problem(problems, format_args!("{} is the name of another capability; must be unique", Quoted::new(name)));
    }
    if let Some(place) = capability.require("type", "`http`", problems) {
        one_of(&place, &TYPES, problems);
    }
    if let Some(allow) = capability.require("allow", "a list of rules", problems) {
        for rule in nonempty_list(&allow, "rule", problems) {
            rule::validate(rule, problems);
        }
    }
    if let Some(transforms) = capability.get("transforms") {
        transforms.list(problems);
        kept(&transforms, problems);
    }
    if let Some(budgets) = capability.get("budgets") {
        kept(&budgets, problems);
        budgets.mapping(problems);
    }
}

/// The items of a list that must have at least one.
fn nonempty_list<'a>(place: &Place<'a>, item: &str, problems: &mut Problems) -> Vec<Place<'a>> {
    let Some(items) = place.list(problems) else { return Vec::new() };
    if items.is_empty() {
        place.problem(problems, format_args!("is empty; must have at least one {item}"));
    }
    items
}

/// Text that must be one of a closed enum.
fn one_of(place: &Place<'_>, words: &[&str], problems: &mut Problems) {
    let Some(text) = place.text(problems) else { return };
    if words.contains(&text) {
        return;
    }
    let found = Quoted::new(text);
    match nearest(text, words) {
        Some(word) => place.problem(problems, format_args!("{found} is not allowed: did you mean `{word}`?")),
        None => {
            place.problem(problems, format_args!("{found} is not allowed; must be one of `{}`", words.join("`, `")))
        }
    }
}

/// Values that are kept as written, whatever they are, as long as what they show is what they hold.
fn kept(place: &Place<'_>, problems: &mut Problems) {
    let mut nodes = vec![place.node];
    while let Some(node) = nodes.pop() {
        match &node.value {
            Value::Scalar(scalar) => visible(place, node.line, &scalar.text, problems),
            Value::Sequence(items) => nodes.extend(items.iter().rev()),
            Value::Mapping(pairs) => {
                for pair in pairs {
                    visible(place, pair.line, &pair.key.text, problems);
                }
                nodes.extend(pairs.iter().rev().map(|pair| &pair.value));
            }
            Value::Refused => {}
        }
    }
}

/// Reports characters that cannot be seen.
fn visible(place: &Place<'_>, line: usize, text: &str, problems: &mut Problems) {
    for fault in text::faults(text, Lines::Many, usize::MAX) {
        if fault != InvalidText::Blank {
            problems.add(&place.field, format_args!("line {line}: {fault}"));
        }
    }
}
