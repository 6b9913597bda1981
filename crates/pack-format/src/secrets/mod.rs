//! Finds text that looks like a live credential in the contents of files as they are read.

mod patterns;

use std::{
    fmt,
    io::{self, Write},
};

use memchr::memchr_iter;
use serde::{Deserialize, Serialize};

pub use self::patterns::SecretKind;
use super::{EntryKind, Problem, Problems, Quoted, Tree};

/// The maximum number of secrets that are reported for one pack.
const MAX_SECRETS: usize = 50;

/// The location of text in a pack that looks like a live credential. Does not contain the text itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    pub kind: SecretKind,
    /// The path of the file in the pack.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, file, line } = self;
        write!(f, "{} line {line} has what looks like {kind}", Quoted::new(file))
    }
}

/// Adds a problem for each secret in a community pack, which all orgs would see.
pub(super) fn reject(secrets: &[Secret], problems: &mut Problems) {
    for secret in secrets {
        let message = format_args!("{secret}; all orgs see a community pack, so revoke it and remove it from the pack");
        problems.push(Problem::in_line("archive", &secret.file, secret.line, message));
    }
}

/// The secrets found in an archive: the offset of the file's content, the kind and the line of each. The paths of the
/// files are not known until the whole archive has been read.
#[derive(Default)]
pub(super) struct FoundSecrets(Vec<(u64, SecretKind, u64)>);

impl FoundSecrets {
    /// Adds the secrets of the file whose content starts at `start`. Each secret is a kind and a line.
    pub(super) fn add(&mut self, start: u64, found: Vec<(SecretKind, u64)>) {
        let left = MAX_SECRETS - self.0.len();
        self.0.extend(found.into_iter().take(left).map(|(kind, line)| (start, kind, line)));
    }

    /// Returns the secrets in files of `tree`, sorted by path.
    pub(super) fn in_tree(self, tree: &Tree) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for entry in tree.entries() {
            let EntryKind::File { content, .. } = entry.kind else { continue };
            let found = self.0.iter().filter(|(start, ..)| *start == content.start && content.size > 0);
            secrets.extend(found.map(|&(_, kind, line)| Secret { kind, file: entry.path.clone(), line }));
        }
        secrets
    }
}

/// A writer that passes a file's content to another writer and finds the secrets in it. A secret may span several
/// writes.
pub(super) struct SecretScanner<W> {
    to: W,
    /// The content that has not been searched yet: at most one write and [`patterns::LONGEST`] bytes.
    window: Vec<u8>,
    /// The line of the window's first byte.
    line: u64,
    found: Vec<(SecretKind, u64)>,
}

impl<W> SecretScanner<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, window: Vec::new(), line: 1, found: Vec::new() }
    }

    /// Searches the rest of the content. Returns the kind and the line of each secret, at most [`MAX_SECRETS`].
    pub(super) fn finish(mut self) -> Vec<(SecretKind, u64)> {
        self.search(self.window.len());
        self.found
    }

    /// Finds the secrets that start before `end`, and removes the content before `end` from the window.
    fn search(&mut self, end: usize) {
        for (start, kind) in patterns::find(&self.window) {
            if start >= end || self.found.len() == MAX_SECRETS {
                break;
            }
            self.found.push((kind, self.line + line_breaks(&self.window[..start])));
        }
        self.line += line_breaks(&self.window[..end]);
        self.window.drain(..end);
    }
}

impl<W: Write> Write for SecretScanner<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.window.extend_from_slice(&bytes[..written]);
        self.search(self.window.len().saturating_sub(patterns::LONGEST));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn line_breaks(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}
