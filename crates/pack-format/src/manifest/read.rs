use std::{fmt, str::FromStr};

use super::{Manifest, PACK_YAML};
use crate::{
    PackName, Problems, Quoted, Version, capabilities,
    text::{self, Lines},
    yaml::{self, Place},
};

const KEYS: [&str; 7] =
    ["name", "version", "description", "display_name", "category", "suggested_packs", "capabilities"];

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1_024;
/// The longest display name, in characters.
const MAX_DISPLAY_NAME: usize = 128;
/// The longest category, in characters.
const MAX_CATEGORY: usize = 64;
/// The most packs that one may suggest.
const MAX_SUGGESTED_PACKS: usize = 32;

/// Reads the content of a `pack.yaml`. A manifest comes back only where nothing was wrong with it.
pub(crate) fn read(content: &[u8], problems: &mut Problems) -> Option<Manifest> {
    let text = text::utf8(content).inspect_err(|fault| problems.add(PACK_YAML, fault)).ok()?;
    let (root, refusals) = yaml::parse(text.strip_prefix('\u{FEFF}').unwrap_or(text));
    let is_whole = root.is_some() || !refusals.is_empty();
    for (line, refusal) in &refusals {
        problems.add(PACK_YAML, format_args!("line {line}: {refusal}"));
    }
    if !is_whole {
        problems.add(PACK_YAML, "is empty; a pack needs at least `name`, `version` and `description`");
    }
    let root = root?;
    let manifest = Place::root(PACK_YAML, &root).mapping(problems).and_then(|keys| manifest(&keys, problems));
    manifest.filter(|_| refusals.is_empty())
}

fn manifest(keys: &yaml::Mapping<'_>, problems: &mut Problems) -> Option<Manifest> {
    keys.refuse_others(&KEYS, problems);
    let name = keys.require("name", "text such as `incident-response`", problems);
    let version = keys.require("version", "a semantic version such as `1.0.0`", problems);
    let description = keys.require("description", "text that says what the pack is for", problems);

    let name = name.and_then(|place| pack_name(&place, problems));
    let version = version.and_then(|place| parse(&place, Version::nearest, problems));
    let description = description.and_then(|place| text(&place, Lines::Many, MAX_DESCRIPTION, problems));
    let display_name = keys.get("display_name").and_then(|place| text(&place, Lines::One, MAX_DISPLAY_NAME, problems));
    let category = keys.get("category").and_then(|place| text(&place, Lines::One, MAX_CATEGORY, problems));
    let suggested_packs = keys.get("suggested_packs").map(|place| suggested_packs(&place, problems));
    let capabilities = keys.get("capabilities").and_then(|place| capabilities::read(&place, problems));
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

fn text(place: &Place<'_>, lines: Lines, max: usize, problems: &mut Problems) -> Option<String> {
    let text = place.text(problems)?;
    for fault in text::faults(text, lines, max) {
        place.problem(problems, fault);
    }
    Some(text.to_owned())
}

fn pack_name(place: &Place<'_>, problems: &mut Problems) -> Option<PackName> {
    parse(place, PackName::nearest, problems)
}

/// The text parsed as what it should be; where it is not, `nearest` may know what was meant.
fn parse<T>(place: &Place<'_>, nearest: fn(&str) -> Option<T>, problems: &mut Problems) -> Option<T>
where
    T: FromStr<Err: fmt::Display> + fmt::Display,
{
    let text = place.text(problems)?;
    text.parse()
        .inspect_err(|error| match nearest(text) {
            Some(meant) => {
                place.problem(problems, format_args!("{} {error}: did you mean `{meant}`?", Quoted::new(text)))
            }
            None => place.problem(problems, format_args!("{} {error}", Quoted::new(text))),
        })
        .ok()
}

fn suggested_packs(place: &Place<'_>, problems: &mut Problems) -> Vec<PackName> {
    let items = place.list(problems).unwrap_or_default();
    if items.len() > MAX_SUGGESTED_PACKS {
        let count = items.len();
        place.problem(problems, format_args!("has {count} names; at most {MAX_SUGGESTED_PACKS} are allowed"));
    }
    items.iter().filter_map(|item| pack_name(item, problems)).collect()
}
