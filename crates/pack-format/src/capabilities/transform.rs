use crate::{
    Problems,
    text::nearest,
    yaml::{Field, Value},
};

/// Validates `applies_to` in one item of `transforms`. Ignores the other keys, and items that are not mappings.
///
/// `rules` contains the names of the rules in `allow`. A rule without a name cannot be referenced.
pub(super) fn validate(field: Field<'_>, rules: &[&str], problems: &mut Problems) {
    if !matches!(field.node.value, Value::Mapping(_)) {
        return;
    }
    let Some(applies_to) = field.mapping(problems).and_then(|transform| transform.get("applies_to")) else { return };
    match applies_to.node.value {
        Value::Sequence(_) => {
            for name in applies_to.list(problems).unwrap_or_default() {
                rule_name(&name, rules, problems);
            }
        }
        _ => rule_name(&applies_to, rules, problems),
    }
}

fn rule_name(field: &Field<'_>, rules: &[&str], problems: &mut Problems) {
    let check = |text: &str| {
        if rules.contains(&text) { Ok(()) } else { Err("is not the name of a rule in `allow` of this capability") }
    };
    field.validate(check, |text| nearest(text, rules).map(str::to_owned), problems);
}
