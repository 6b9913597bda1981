use std::{
    fmt,
    io::{self, Read, Seek},
};

use super::{
    Entry, EntryKind, Limits, Manifest, Problems, Quoted, Tree,
    manifest::{self, PACK_YAML},
    text::{self, nearest},
};

/// What goes into the agent's system prompt.
const BEHAVIOR_MD: &str = "behavior.md";

const FILES: [&str; 5] = [PACK_YAML, BEHAVIOR_MD, "README.md", "CHANGELOG.md", "LICENSE"];
const DIRECTORIES: [&str; 4] = ["guides", "scripts", "data", "templates"];

/// Names under which other tools keep a file like `pack.yaml`, or which only other file systems take for it.
const MEANT_FOR_PACK_YAML: [&str; 5] = ["pack.yml", "pack.yaml.txt", "package.yaml", "manifest.yaml", "pack.json"];

/// Validates what stands at the pack's root, and reads its `pack.yaml`.
///
/// # Errors
/// When the contents cannot be read.
pub(super) fn manifest(
    tree: &Tree,
    limits: &Limits,
    contents: &mut (impl Read + Seek),
    problems: &mut Problems,
) -> io::Result<Option<Manifest>> {
    let top = || tree.entries().iter().filter(|entry| !entry.path.contains('/'));
    for entry in top() {
        if let Err(problem) = validate(entry, tree) {
            problems.add(if entry.path == PACK_YAML { PACK_YAML } else { "archive" }, problem);
        }
    }
    if let Some(content) = tree.file(BEHAVIOR_MD)
        && let Some(fault) = text::find_not_utf8(content.open(&mut *contents)?)?
    {
        problems.add(BEHAVIOR_MD, fault);
    }
    if !top().any(|entry| entry.path == PACK_YAML) {
        problems.add(PACK_YAML, missing(tree));
    }
    match tree.file(PACK_YAML) {
        None => Ok(None),
        Some(content) if content.size() > limits.manifest_bytes => {
            let (size, limit) = (content.size(), limits.manifest_bytes);
            problems
                .add(PACK_YAML, format_args!("has {size} bytes; at most {limit} are allowed (limit manifest_bytes)"));
            Ok(None)
        }
        Some(content) => {
            let mut yaml = Vec::new();
            content.open(contents)?.read_to_end(&mut yaml)?;
            Ok(manifest::read(&yaml, problems))
        }
    }
}

/// Why a top-level entry does not belong into a pack.
#[derive(Debug, thiserror::Error)]
enum LayoutError {
    #[error("`{0}` is a directory; must be a file")]
    Directory(String),
    #[error("`{0}` is a file; must be a directory")]
    File(String),
    #[error("{0} is a pack of its own: archive what is in it, or that directory alone")]
    Pack(String),
    #[error("{found} has no place in a pack: {}", Mend(*.meant))]
    Unknown { found: String, meant: Option<&'static str> },
}

/// The closed set of top-level entries.
fn validate(entry: &Entry, tree: &Tree) -> Result<(), LayoutError> {
    let name = entry.path.as_str();
    let is_directory = matches!(entry.kind, EntryKind::Directory);
    let is_licence = name.strip_prefix("LICENSE.").is_some_and(|suffix| !suffix.is_empty());
    match (FILES.contains(&name) || is_licence, DIRECTORIES.contains(&name)) {
        (true, _) if is_directory => Err(LayoutError::Directory(name.to_owned())),
        (_, true) if !is_directory => Err(LayoutError::File(name.to_owned())),
        (false, false) => {
            let words: &[_] = if is_directory { &DIRECTORIES } else { &FILES };
            let found = Quoted::new(&if is_directory { format!("{name}/") } else { name.to_owned() }).to_string();
            if tree.file(&format!("{name}/{PACK_YAML}")).is_some() {
                return Err(LayoutError::Pack(found));
            }
            let meant = if is_meant_for_pack_yaml(name) { Some(PACK_YAML) } else { nearest(name, words) };
            Err(LayoutError::Unknown { found, meant })
        }
        _ => Ok(()),
    }
}

fn is_meant_for_pack_yaml(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower == PACK_YAML || MEANT_FOR_PACK_YAML.contains(&lower.as_str())
}

/// What to do with an entry that has no place.
struct Mend(Option<&'static str>);

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(file) if FILES.contains(&file) => write!(f, "rename it to `{file}`, or leave it out"),
            Some(directory) => write!(f, "rename it to `{directory}/`, or leave it out"),
            None => write!(
                f,
                "put it into one of `{}/`, or leave it out; files at the top are `{}` and `LICENSE.*`",
                DIRECTORIES.join("/`, `"),
                FILES.join("`, `"),
            ),
        }
    }
}

/// That there is no `pack.yaml`, and where it may be.
fn missing(tree: &Tree) -> String {
    let names = || tree.entries().iter().map(|entry| entry.path.as_str());
    if let Some(name) = names().find(|name| is_meant_for_pack_yaml(name)) {
        return format!("is missing: rename {} to `{PACK_YAML}`", Quoted::new(name));
    }
    match names().find_map(|name| name.strip_suffix("/pack.yaml")) {
        Some(directory) => format!("is missing at the top; there is one in {}", Quoted::new(&format!("{directory}/"))),
        None => "is missing; every pack has one, at the top of the archive or of the one directory in it".to_owned(),
    }
}
