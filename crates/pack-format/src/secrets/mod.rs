//! Finds strings that look like live credentials in the contents of files, as the contents are read.

mod patterns;
mod scanner;

use std::{
    fmt,
    io::{self, Read, Seek, Write},
};

use memchr::memchr2_iter;
use serde::{Deserialize, Serialize};

pub use self::patterns::SecretKind;
pub(super) use self::scanner::SecretScanner;
use super::{EntryKind, Problem, Problems, Quoted, Tree};

/// The maximum number of secrets to report for one pack.
const MAX_SECRETS: usize = 50;

/// The location of a string that looks like a live credential. Does not contain the string itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    pub kind: SecretKind,
    /// The file's path in the pack.
    pub file: String,
    /// The line number, counted from 1.
    pub line: u64,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, file, line } = self;
        write!(f, "{} line {line} has what looks like {kind}", Quoted::new(file))
    }
}

/// Adds a problem for each secret in a community pack, because every org can see the pack.
pub(super) fn reject(secrets: &[Secret], problems: &mut Problems) {
    for secret in secrets {
        let message = format_args!(
            "{secret}; every org can see a community pack, so revoke the credential and remove it from the file"
        );
        problems.push(Problem::in_line("archive", &secret.file, secret.line, message));
    }
}

/// The secrets found in the contents of files. [`Self::in_tree`] determines their paths and lines later, by reading the
/// files again: most packs contain no secrets, so it would be wasteful to count lines in every file.
#[derive(Default)]
pub(super) struct FoundSecrets(Vec<FoundSecret>);

struct FoundSecret {
    /// The offset of the file's content in the concatenated contents of all files, in bytes.
    content: u64,
    kind: SecretKind,
    /// The offset of the secret from the start of the file's content, in bytes.
    offset: u64,
}

impl FoundSecrets {
    /// Adds the secrets found in the file whose content starts at byte `content` of all contents. Each secret is a kind
    /// and an offset in the file, in bytes. Files must be added in the order of their contents.
    pub(super) fn add(&mut self, content: u64, found: Vec<(SecretKind, u64)>) {
        self.0.extend(found.into_iter().map(|(kind, offset)| FoundSecret { content, kind, offset }));
    }

    /// Returns the secrets in files that are part of `tree`, at most [`MAX_SECRETS`], sorted by path and line. Reads
    /// the files with secrets a second time, from `contents`, to count lines.
    pub(super) fn in_tree(self, tree: &Tree, contents: &mut (impl Read + Seek)) -> io::Result<Vec<Secret>> {
        let mut secrets = Vec::new();
        for entry in tree.entries() {
            let EntryKind::File { content, .. } = entry.kind else { continue };
            let first = self.0.partition_point(|found| found.content < content.start);
            let found = self.0[first..].iter().take_while(|found| found.content == content.start && content.size > 0);
            let mut found = found.take(MAX_SECRETS - secrets.len()).peekable();
            if found.peek().is_none() {
                continue;
            }
            let mut lines = LineCounter::default();
            let mut reader = content.open(&mut *contents)?;
            for secret in found {
                lines.advance_to(secret.offset, &mut reader)?;
                secrets.push(Secret { kind: secret.kind, file: entry.path.clone(), line: lines.line_breaks + 1 });
            }
        }
        Ok(secrets)
    }
}

/// A counter of the line breaks before a position in a file. Recognizes the same line breaks as [`Span`](crate::Span).
#[derive(Default)]
struct LineCounter {
    position: u64,
    line_breaks: u64,
    /// Whether the character before the position is a carriage return.
    is_after_return: bool,
}

impl LineCounter {
    /// Counts the line breaks before `offset`. `content` must continue where the last call stopped.
    fn advance_to(&mut self, offset: u64, content: impl Read) -> io::Result<()> {
        io::copy(&mut content.take(offset - self.position), self)?;
        Ok(())
    }
}

impl Write for LineCounter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.position += bytes.len() as u64;
        for index in memchr2_iter(b'\n', b'\r', bytes) {
            let is_after_return =
                index.checked_sub(1).map_or(self.is_after_return, |previous| bytes[previous] == b'\r');
            // A carriage return followed by a line feed is one line break.
            if bytes[index] == b'\r' || !is_after_return {
                self.line_breaks += 1;
            }
        }
        self.is_after_return = bytes.last().map_or(self.is_after_return, |last| *last == b'\r');
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
