//! Finds probable mistakes in valid packs.

use std::{
    fmt,
    io::{self, Read, Seek},
};

use serde::Serialize;

use super::{Entry, EntryKind, Quoted, Secret, Tree, layout, manifest::PACK_YAML};

/// The maximum number of warnings about the files in one pack.
const MAX_WARNINGS: usize = 50;

/// The first bytes of a Linux executable.
const ELF: &[u8] = b"\x7fELF";

/// Something in a valid pack that the author probably did not intend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// `archive`, or the file and key, as in a [`Problem`](crate::Problem).
    pub field: String,
    pub message: String,
}

impl Warning {
    pub(super) fn new(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { field: field.into(), message: message.to_string() }
    }
}

/// Returns the warnings about a pack's files, at most [`MAX_WARNINGS`].
///
/// # Errors
/// Returns an error only if `contents` cannot be read.
pub(super) fn find(tree: &Tree, secrets: &[Secret], contents: &mut (impl Read + Seek)) -> io::Result<Vec<Warning>> {
    let mut warnings = Vec::new();
    let mut add = |message: String| warnings.push(Warning::new("archive", message));
    for secret in secrets {
        add(format!("{secret}; if it is live, revoke it and remove it from the pack"));
    }
    for entry in tree.entries() {
        if let Some(message) = layout_warning(entry, tree) {
            add(message);
        }
        for message in script_warnings(entry, contents)? {
            add(format!("{} {message}", Quoted::new(&entry.path)));
        }
    }
    warnings.truncate(MAX_WARNINGS);
    Ok(warnings)
}

fn layout_warning(entry: &Entry, tree: &Tree) -> Option<String> {
    let path = entry.path.as_str();
    let name = Quoted::new(path);
    let is_at_top = entry.is_at_top();
    match entry.kind {
        EntryKind::File { .. } if is_at_top && !layout::is_documented(path) => Some(format!(
            "{name} is not part of the documented layout of a pack; it is kept, but agents do not expect it"
        )),
        EntryKind::Directory if is_at_top && !has_files(path, tree) => Some(format!("{name} has no files")),
        EntryKind::File { .. } | EntryKind::Directory => None,
    }
}

fn has_files(directory: &str, tree: &Tree) -> bool {
    tree.entries().iter().any(|entry| {
        matches!(entry.kind, EntryKind::File { .. })
            && entry.path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Returns the reasons why an agent cannot run a file in `scripts/`. Returns none for any other entry.
fn script_warnings(entry: &Entry, contents: &mut (impl Read + Seek)) -> io::Result<Vec<&'static str>> {
    let EntryKind::File { executable, content } = entry.kind else { return Ok(Vec::new()) };
    if !entry.path.starts_with("scripts/") {
        return Ok(Vec::new());
    }
    let mut start = Vec::new();
    content.open(contents)?.take(ELF.len() as u64).read_to_end(&mut start)?;
    let has_interpreter = start.starts_with(b"#!") || start == ELF;
    let interpreter = (!has_interpreter).then_some("does not start with `#!` and an interpreter, such as `#!/bin/sh`");
    let permission = (!executable).then_some("is not executable; run `chmod +x` on it before you archive the pack");
    Ok(interpreter.into_iter().chain(permission).collect())
}

/// Returns the field under which warnings about capabilities are reported.
pub(super) fn capabilities_field() -> String {
    format!("{PACK_YAML}: capabilities")
}
