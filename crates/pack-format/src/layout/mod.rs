mod advice;

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek},
};

use self::advice::Advice;
use super::{
    Entry, EntryKind, Limits, Manifest, Problem, Problems, Quoted, Suggestion, Tree,
    archive::Unpacked,
    manifest::{self, PACK_YAML},
    text,
};

/// The file whose content goes into the agent's system prompt.
const BEHAVIOR_MD: &str = "behavior.md";

const FILES: [&str; 4] = [PACK_YAML, BEHAVIOR_MD, "README.md", "CHANGELOG.md"];
/// License files are also allowed at the top. Their names start with one of these prefixes.
const LICENSES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "THIRD_PARTY_NOTICES"];
pub(super) const DIRECTORIES: [&str; 4] = ["guides", "scripts", "data", "templates"];

/// Validates the pack's top-level entries, checks that `behavior.md` is UTF-8 without forbidden characters, and parses
/// `pack.yaml`. The returned manifest may be invalid if this function adds a problem.
///
/// # Errors
/// Returns an error only if `contents` cannot be read.
pub(super) fn validate(
    unpacked: &Unpacked,
    limits: &Limits,
    contents: &mut (impl Read + Seek),
    problems: &mut Problems,
) -> io::Result<Option<Manifest>> {
    let tree = &unpacked.tree;
    let top = || tree.entries().iter().filter(|entry| entry.is_at_top());
    // The current name of each entry to rename, by its new name.
    let mut renamed: BTreeMap<String, &str> = BTreeMap::new();
    for entry in top() {
        if let Err(error) = validate_top_level(entry, tree, &renamed, unpacked.archive_path(&entry.path)) {
            let field = if entry.path == PACK_YAML { PACK_YAML } else { "archive" };
            let suggestion = error.new_name().map(|name| Suggestion::new(format!("rename it to `{name}`"), name));
            problems.push(Problem::in_file(field, &entry.path, &error, suggestion));
            renamed.extend(error.new_name().map(|name| (name.to_owned(), entry.path.as_str())));
        }
    }
    if let Some(content) = tree.file(BEHAVIOR_MD) {
        for problem in text::check_file(BEHAVIOR_MD, content.open(&mut *contents)?)? {
            problems.push(problem);
        }
    }
    if !top().any(|entry| entry.path == PACK_YAML) {
        problems.add(PACK_YAML, missing(unpacked, renamed.get(PACK_YAML).copied()));
    }
    match tree.file(PACK_YAML) {
        None => Ok(None),
        Some(content) if content.size() > limits.manifest_bytes => {
            let (size, limit) = (content.size(), limits.manifest_bytes);
            let message = format_args!("has {size} bytes; at most {limit} are allowed (limit `manifest_bytes`)");
            problems.push(Problem::in_file(PACK_YAML, PACK_YAML, message, None));
            Ok(None)
        }
        Some(content) => {
            let mut yaml = Vec::new();
            content.open(contents)?.read_to_end(&mut yaml)?;
            Ok(manifest::read(&yaml, problems))
        }
    }
}

/// Why an entry is not allowed at the top of a pack.
#[derive(Debug, thiserror::Error)]
enum LayoutError {
    #[error("{} is a directory; must be a file", Quoted::new(.0))]
    Directory(String),
    #[error("{} is a file; must be a directory", Quoted::new(.0))]
    File(String),
    #[error("{} is a pack of its own; archive only that directory", Quoted::new(.0))]
    Pack(String),
    #[error("{} is not allowed at the top of a pack; {advice}", Quoted::new(.found))]
    Unknown { found: String, advice: Advice },
}

impl LayoutError {
    /// Returns the name to give the entry, if renaming it is the fix.
    fn new_name(&self) -> Option<&str> {
        match self {
            Self::Unknown { advice, .. } => advice.new_name(),
            Self::Directory(_) | Self::File(_) | Self::Pack(_) => None,
        }
    }
}

/// Validates a top-level entry. The keys of `renamed` are the names suggested for other entries, and `shown` is the
/// entry's path in the archive.
fn validate_top_level(
    entry: &Entry,
    tree: &Tree,
    renamed: &BTreeMap<String, &str>,
    shown: String,
) -> Result<(), LayoutError> {
    let name = entry.path.as_str();
    let is_directory = matches!(entry.kind, EntryKind::Directory);
    let is_license = LICENSES.iter().any(|license| name.starts_with(license));
    match (FILES.contains(&name) || is_license, DIRECTORIES.contains(&name)) {
        (true, _) if is_directory => Err(LayoutError::Directory(shown)),
        (_, true) if !is_directory => Err(LayoutError::File(shown)),
        (false, false) if tree.file(&format!("{name}/{PACK_YAML}")).is_some() => {
            Err(LayoutError::Pack(format!("{shown}/")))
        }
        (false, false) => {
            let found = if is_directory { format!("{shown}/") } else { shown };
            let is_taken = |name: &str| renamed.contains_key(name) || tree.contains(name);
            Err(LayoutError::Unknown { found, advice: Advice::new(name, is_directory, is_taken) })
        }
        _ => Ok(()),
    }
}

/// Returns whether Evershell's documentation describes this top-level file. The other allowed files are for people.
pub(super) fn is_documented(name: &str) -> bool {
    matches!(name, PACK_YAML | BEHAVIOR_MD)
}

/// Returns the message for a missing `pack.yaml`. Suggests renaming `misnamed`, the entry that is probably meant to be
/// `pack.yaml`. If `misnamed` is `None` but a directory contains a `pack.yaml`, suggests archiving that directory.
fn missing(unpacked: &Unpacked, misnamed: Option<&str>) -> String {
    if let Some(name) = misnamed {
        return format!("is missing; rename {} to `{PACK_YAML}`", Quoted::new(&unpacked.archive_path(name)));
    }
    let mut names = unpacked.tree.entries().iter().map(|entry| entry.path.as_str());
    match names.find_map(|name| name.strip_suffix("/pack.yaml")) {
        Some(directory) => format!(
            "is missing at the top of the archive, but {} has one; archive that directory, or move the file to the top",
            Quoted::new(&format!("{}/", unpacked.archive_path(directory)))
        ),
        None => "is missing; must be at the top of the archive, or in the only directory at its top".to_owned(),
    }
}
