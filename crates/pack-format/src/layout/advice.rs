use std::fmt;

use super::{DIRECTORIES, FILES, LICENSES};
use crate::{Quoted, manifest::PACK_YAML, text::nearest};

/// Names that authors mistakenly give to `pack.yaml`, in lower case.
const MISTAKEN_FOR_PACK_YAML: [&str; 5] = ["pack.yml", "pack.yaml.txt", "package.yaml", "manifest.yaml", "pack.json"];

/// Names that authors give to a separate file for capabilities, in lower case.
const CAPABILITIES: [&str; 4] = ["caps.yaml", "caps.yml", "capabilities.yaml", "capabilities.yml"];

/// Suffixes of backup copies made by editors and merge tools.
const BACKUP_SUFFIXES: [&str; 3] = ["~", ".bak", ".orig"];

/// How to fix an entry that is not allowed at the top of a pack.
#[derive(Debug)]
pub(super) enum Advice {
    RenameTo(String),
    /// The entry is probably meant to be this file or directory, which exists or is already suggested for another
    /// entry.
    MergeInto(String),
    /// The entry is probably a variant of this document, such as a translation. The document exists or is already
    /// suggested for another entry.
    Document(String),
    Capabilities,
    /// A hidden file or directory, or a backup copy.
    Exclude(String),
    Archive,
    Move,
}

impl Advice {
    /// Returns the advice for the entry `name`. `is_taken` returns whether a given name belongs to an existing entry or
    /// is already suggested for another one.
    pub(super) fn new(name: &str, is_directory: bool, is_taken: impl Fn(&str) -> bool) -> Self {
        let lower = name.to_lowercase();
        if name.starts_with('.') {
            return Self::Exclude(name.to_owned());
        }
        if is_directory {
            return match nearest(name, &DIRECTORIES) {
                Some(directory) if is_taken(directory) => Self::MergeInto(format!("{directory}/")),
                Some(directory) => Self::RenameTo(format!("{directory}/")),
                None => Self::Move,
            };
        }
        if CAPABILITIES.contains(&lower.as_str()) {
            return Self::Capabilities;
        }
        if lower.ends_with(".tar") || lower.ends_with(".tgz") || lower.contains(".tar.") {
            return Self::Archive;
        }
        if let Some(original) = BACKUP_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)) {
            return if FILES.contains(&original) && !is_taken(original) {
                Self::RenameTo(original.to_owned())
            } else {
                Self::Exclude(name.to_owned())
            };
        }
        match intended_file(name, &lower) {
            Some(file) if !is_taken(&file) => Self::RenameTo(file),
            Some(file) if lower.starts_with("readme") || lower.starts_with("changelog") => Self::Document(file),
            Some(file) => Self::MergeInto(file),
            None => Self::Move,
        }
    }

    /// If the advice is to rename the entry, returns the new name without a trailing `/`.
    pub(super) fn new_name(&self) -> Option<&str> {
        if let Self::RenameTo(name) = self { Some(name.trim_end_matches('/')) } else { None }
    }
}

/// Returns the allowed file that `name` was probably meant to be, ignoring case. `lower` is `name` in lower case.
fn intended_file(name: &str, lower: &str) -> Option<String> {
    if lower == PACK_YAML || MISTAKEN_FOR_PACK_YAML.contains(&lower) {
        return Some(PACK_YAML.to_owned());
    }
    license(name).or_else(|| nearest(name, &[&FILES[..], &LICENSES].concat()).map(str::to_owned))
}

/// If `name` starts with the prefix of a license file, ignoring case, returns `name` with the prefix in upper case,
/// such as `LICENSE.txt` for `license.txt`.
fn license(name: &str) -> Option<String> {
    LICENSES.iter().find_map(|license| {
        let (start, rest) = name.split_at_checked(license.len())?;
        start.eq_ignore_ascii_case(license).then(|| format!("{license}{rest}"))
    })
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-~".contains(&byte));
        match self {
            Self::RenameTo(name) => write!(f, "rename it to {}, or remove it", Quoted::new(name)),
            Self::MergeInto(name) => write!(f, "move its content into {}, or remove it", Quoted::new(name)),
            Self::Document(name) => {
                write!(f, "move it into `guides/`, move its content into {}, or remove it", Quoted::new(name))
            }
            Self::Capabilities => {
                write!(f, "move its content into `{PACK_YAML}`, under the key `capabilities`, or remove it")
            }
            Self::Exclude(name) if is_plain(name) => write!(f, "exclude it (`tar --exclude={name}`)"),
            Self::Exclude(_) => f.write_str("exclude it (`tar --exclude`)"),
            Self::Archive => f.write_str(
                "it looks like an archive that was written into the pack's directory and so became part of the pack: \
                 remove it, and write the archive elsewhere (`tar -czf ../pack.tar.gz .`)",
            ),
            Self::Move => write!(
                f,
                "move it into one of `{}/`, or remove it (files allowed at the top: `{}`, `{}*`)",
                DIRECTORIES.join("/`, `"),
                FILES.join("`, `"),
                LICENSES.join("*`, `"),
            ),
        }
    }
}
