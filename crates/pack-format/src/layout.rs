use std::{
    fmt,
    io::{self, Read, Seek},
};

use super::{
    Entry, EntryKind, Limits, Manifest, Problems, Quoted, Tree,
    manifest::{self, PACK_YAML},
    text::{self, nearest},
};

/// The file that goes into the agent's system prompt.
const BEHAVIOR_MD: &str = "behavior.md";

const FILES: [&str; 5] = [PACK_YAML, BEHAVIOR_MD, "README.md", "CHANGELOG.md", "LICENSE"];
const DIRECTORIES: [&str; 4] = ["guides", "scripts", "data", "templates"];

/// Names that authors use for `pack.yaml` by mistake, in lower case.
const MISTAKEN_FOR_PACK_YAML: [&str; 5] = ["pack.yml", "pack.yaml.txt", "package.yaml", "manifest.yaml", "pack.json"];

/// Validates the pack's top-level entries, checks that `behavior.md` is UTF-8, and parses `pack.yaml`.
///
/// # Errors
/// Returns an error only if reading `contents` fails.
pub(super) fn validate(
    tree: &Tree,
    limits: &Limits,
    contents: &mut (impl Read + Seek),
    problems: &mut Problems,
) -> io::Result<Option<Manifest>> {
    let top = || tree.entries().iter().filter(|entry| !entry.path.contains('/'));
    for entry in top() {
        if let Err(error) = validate_top_level(entry, tree) {
            problems.add(if entry.path == PACK_YAML { PACK_YAML } else { "archive" }, error);
        }
    }
    if let Some(content) = tree.file(BEHAVIOR_MD)
        && let Some(error) = text::find_not_utf8(content.open(&mut *contents)?)?
    {
        problems.add(BEHAVIOR_MD, error);
    }
    if !top().any(|entry| entry.path == PACK_YAML) {
        problems.add(PACK_YAML, missing(tree));
    }
    match tree.file(PACK_YAML) {
        None => Ok(None),
        Some(content) if content.size() > limits.manifest_bytes => {
            let (size, limit) = (content.size(), limits.manifest_bytes);
            problems
                .add(PACK_YAML, format_args!("has {size} bytes; at most {limit} are allowed (limit `manifest_bytes`)"));
            Ok(None)
        }
        Some(content) => {
            let mut yaml = Vec::new();
            content.open(contents)?.read_to_end(&mut yaml)?;
            Ok(manifest::read(&yaml, problems))
        }
    }
}

/// The reason that an entry is not allowed at the top of a pack.
#[derive(Debug, thiserror::Error)]
enum LayoutError {
    #[error("{} is a directory; must be a file", Quoted::new(.0))]
    Directory(String),
    #[error("{} is a file; must be a directory", Quoted::new(.0))]
    File(String),
    #[error("{} is a pack of its own; archive only that directory", Quoted::new(.0))]
    Pack(String),
    #[error("{} is not allowed at the top of a pack; {suggestion}", Quoted::new(.found))]
    Unknown { found: String, suggestion: Suggestion },
}

fn validate_top_level(entry: &Entry, tree: &Tree) -> Result<(), LayoutError> {
    let name = entry.path.as_str();
    let is_directory = matches!(entry.kind, EntryKind::Directory);
    let is_licence = name.strip_prefix("LICENSE.").is_some_and(|suffix| !suffix.is_empty());
    match (FILES.contains(&name) || is_licence, DIRECTORIES.contains(&name)) {
        (true, _) if is_directory => Err(LayoutError::Directory(name.to_owned())),
        (_, true) if !is_directory => Err(LayoutError::File(name.to_owned())),
        (false, false) if tree.file(&format!("{name}/{PACK_YAML}")).is_some() => {
            Err(LayoutError::Pack(format!("{name}/")))
        }
        (false, false) => {
            let found = if is_directory { format!("{name}/") } else { name.to_owned() };
            Err(LayoutError::Unknown { found, suggestion: Suggestion::new(name, is_directory) })
        }
        _ => Ok(()),
    }
}

/// Returns whether Evershell documents this file at the top of a pack. The others are for people.
pub(super) fn is_documented(name: &str) -> bool {
    matches!(name, PACK_YAML | BEHAVIOR_MD)
}

fn is_mistaken_for_pack_yaml(name: &str) -> bool {
    let lower = name.to_lowercase();
    // Some file systems ignore case.
    lower == PACK_YAML || MISTAKEN_FOR_PACK_YAML.contains(&lower.as_str())
}

/// A fix for an entry that is not allowed at the top of a pack.
#[derive(Debug)]
enum Suggestion {
    RenameTo(String),
    Move,
}

impl Suggestion {
    fn new(name: &str, is_directory: bool) -> Self {
        if is_mistaken_for_pack_yaml(name) {
            return Self::RenameTo(PACK_YAML.to_owned());
        }
        let nearest = if is_directory {
            nearest(name, &DIRECTORIES).map(|directory| format!("{directory}/"))
        } else {
            nearest(name, &FILES).map(str::to_owned)
        };
        nearest.map_or(Self::Move, Self::RenameTo)
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RenameTo(name) => write!(f, "rename it to `{name}`, or remove it"),
            Self::Move => write!(
                f,
                "move it into one of `{}/`, or remove it (files allowed at the top: `{}`, `LICENSE.*`)",
                DIRECTORIES.join("/`, `"),
                FILES.join("`, `"),
            ),
        }
    }
}

/// Returns the message for a missing `pack.yaml`, with a fix if the archive has an entry with a similar name at the
/// top, or a nested `pack.yaml`.
fn missing(tree: &Tree) -> String {
    let names = || tree.entries().iter().map(|entry| entry.path.as_str());
    if let Some(name) = names().find(|name| is_mistaken_for_pack_yaml(name)) {
        return format!("is missing; rename {} to `{PACK_YAML}`", Quoted::new(name));
    }
    match names().find_map(|name| name.strip_suffix("/pack.yaml")) {
        Some(directory) => format!(
            "is missing at the top of the archive, but {} has one; archive that directory, or move the file to the top",
            Quoted::new(&format!("{directory}/"))
        ),
        None => "is missing; must be at the top of the archive, or in the only directory at its top".to_owned(),
    }
}
