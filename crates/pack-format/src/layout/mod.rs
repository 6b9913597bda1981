use std::{
    fmt,
    io::{self, Read, Seek},
};

use super::{
    Entry, EntryKind, Limits, Manifest, Problem, Problems, Quoted, Suggestion, Tree,
    archive::Unpacked,
    manifest::{self, PACK_YAML},
    text::{self, nearest},
};

/// The file that goes into the agent's system prompt.
const BEHAVIOR_MD: &str = "behavior.md";

const FILES: [&str; 4] = [PACK_YAML, BEHAVIOR_MD, "README.md", "CHANGELOG.md"];
/// The prefixes of the names of licence files, which are also allowed at the top.
const LICENCES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "THIRD_PARTY_NOTICES"];
pub(super) const DIRECTORIES: [&str; 4] = ["guides", "scripts", "data", "templates"];

/// Names that authors use for `pack.yaml` by mistake, in lower case.
const MISTAKEN_FOR_PACK_YAML: [&str; 5] = ["pack.yml", "pack.yaml.txt", "package.yaml", "manifest.yaml", "pack.json"];

/// Validates the pack's top-level entries, checks that `behavior.md` is UTF-8, and parses `pack.yaml`.
///
/// # Errors
/// Returns an error only if reading `contents` fails.
pub(super) fn validate(
    unpacked: &Unpacked,
    limits: &Limits,
    contents: &mut (impl Read + Seek),
    problems: &mut Problems,
) -> io::Result<Option<Manifest>> {
    let tree = &unpacked.tree;
    let top = || tree.entries().iter().filter(|entry| !entry.path.contains('/'));
    for entry in top() {
        if let Err(error) = validate_top_level(entry, tree, unpacked.archive_path(&entry.path)) {
            let field = if entry.path == PACK_YAML { PACK_YAML } else { "archive" };
            let suggestion = error.new_name().map(|name| Suggestion::new(format!("rename it to `{name}`"), name));
            problems.push(Problem::in_file(field, &entry.path, &error, suggestion));
        }
    }
    if let Some(content) = tree.file(BEHAVIOR_MD) {
        for problem in text::check_file(BEHAVIOR_MD, content.open(&mut *contents)?)? {
            problems.push(problem);
        }
    }
    if !top().any(|entry| entry.path == PACK_YAML) {
        problems.add(PACK_YAML, missing(unpacked));
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

/// The reason that an entry is not allowed at the top of a pack.
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
    /// Returns the name that the entry should have.
    fn new_name(&self) -> Option<&str> {
        match self {
            Self::Unknown { advice: Advice::RenameTo(name), .. } => Some(name.trim_end_matches('/')),
            Self::Unknown { advice: Advice::Merge(_) | Advice::LeaveOut(_) | Advice::Move, .. }
            | Self::Directory(_)
            | Self::File(_)
            | Self::Pack(_) => None,
        }
    }
}

/// Validates an entry at the top of a pack. `shown` is its path in the archive.
fn validate_top_level(entry: &Entry, tree: &Tree, shown: String) -> Result<(), LayoutError> {
    let name = entry.path.as_str();
    let is_directory = matches!(entry.kind, EntryKind::Directory);
    let is_licence = LICENCES.iter().any(|licence| name.starts_with(licence));
    match (FILES.contains(&name) || is_licence, DIRECTORIES.contains(&name)) {
        (true, _) if is_directory => Err(LayoutError::Directory(shown)),
        (_, true) if !is_directory => Err(LayoutError::File(shown)),
        (false, false) if tree.file(&format!("{name}/{PACK_YAML}")).is_some() => {
            Err(LayoutError::Pack(format!("{shown}/")))
        }
        (false, false) => {
            let found = if is_directory { format!("{shown}/") } else { shown };
            Err(LayoutError::Unknown { found, advice: Advice::new(name, is_directory, tree) })
        }
        _ => Ok(()),
    }
}

/// Returns whether Evershell documents this top-level file. The other allowed files are for people.
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
enum Advice {
    RenameTo(String),
    /// The pack already has the file or directory that the entry is probably meant to be.
    Merge(String),
    LeaveOut(String),
    Move,
}

impl Advice {
    fn new(name: &str, is_directory: bool, tree: &Tree) -> Self {
        if name.starts_with('.') {
            return Self::LeaveOut(name.to_owned());
        }
        let nearest = if is_directory {
            nearest(name, &DIRECTORIES).map(|directory| format!("{directory}/"))
        } else if is_mistaken_for_pack_yaml(name) {
            Some(PACK_YAML.to_owned())
        } else {
            licence(name).or_else(|| nearest(name, &[&FILES[..], &LICENCES].concat()).map(str::to_owned))
        };
        match nearest {
            Some(nearest) if tree.entries().iter().any(|entry| entry.path == nearest.trim_end_matches('/')) => {
                Self::Merge(nearest)
            }
            Some(nearest) => Self::RenameTo(nearest),
            None => Self::Move,
        }
    }
}

/// Returns the name of a licence file with its prefix in upper case, such as `LICENSE.txt` for `license.txt`.
fn licence(name: &str) -> Option<String> {
    LICENCES.iter().find_map(|licence| {
        let (start, rest) = name.split_at_checked(licence.len())?;
        start.eq_ignore_ascii_case(licence).then(|| format!("{licence}{rest}"))
    })
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RenameTo(name) => write!(f, "rename it to {}, or remove it", Quoted::new(name)),
            Self::Merge(name) => {
                write!(f, "the pack already has {}: move the content there, or remove it", Quoted::new(name))
            }
            Self::LeaveOut(name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) => {
                write!(f, "leave it out (`tar --exclude={name}`)")
            }
            Self::LeaveOut(_) => f.write_str("leave it out (`tar --exclude`)"),
            Self::Move => write!(
                f,
                "move it into one of `{}/`, or remove it (files allowed at the top: `{}`, `{}*`)",
                DIRECTORIES.join("/`, `"),
                FILES.join("`, `"),
                LICENCES.join("*`, `"),
            ),
        }
    }
}

/// Returns the message for a missing `pack.yaml`. Suggests a fix if the archive has an entry with a similar name at the
/// top, or a nested `pack.yaml`.
fn missing(unpacked: &Unpacked) -> String {
    let names = || unpacked.tree.entries().iter().map(|entry| entry.path.as_str());
    if let Some(name) = names().find(|name| is_mistaken_for_pack_yaml(name)) {
        return format!("is missing; rename {} to `{PACK_YAML}`", Quoted::new(&unpacked.archive_path(name)));
    }
    match names().find_map(|name| name.strip_suffix("/pack.yaml")) {
        Some(directory) => format!(
            "is missing at the top of the archive, but {} has one; archive that directory, or move the file to the top",
            Quoted::new(&format!("{}/", unpacked.archive_path(directory)))
        ),
        None => "is missing; must be at the top of the archive, or in the only directory at its top".to_owned(),
    }
}
