use std::ops::Range;

use bytes::Bytes;

/// A pack's files and directories as judged: sorted by path, each parent directory an entry of its own.
///
/// All contents lie in one buffer, the archive as it was unpacked, and an entry knows its range of it.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    entries: Vec<Entry>,
    contents: Bytes,
}

/// One file or directory of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the pack's root, components joined by `/`, without a slash at either end.
    pub path: String,
    /// What stands there.
    pub kind: EntryKind,
}

/// What an [`Entry`] is. There is nothing else in a pack: no links, no devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Whether anyone may execute it: the only bit of its mode that is kept.
        executable: bool,
        /// Where its content lies, in bytes.
        content: Range<usize>,
    },
}

impl Tree {
    /// A tree of entries with distinct paths, in any order, whose contents are ranges of `contents`.
    pub(super) fn new(mut entries: Vec<Entry>, contents: Bytes) -> Self {
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Self { entries, contents }
    }

    /// The entries, sorted by the bytes of their paths.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The content of the file whose range this is, shared and not copied.
    pub fn content(&self, range: &Range<usize>) -> Bytes {
        self.contents.slice(range.clone())
    }

    /// The content of the file at `path`, if a file is there.
    pub fn file(&self, path: &str) -> Option<Bytes> {
        let index = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        match &self.entries[index].kind {
            EntryKind::File { content, .. } => Some(self.content(content)),
            EntryKind::Directory => None,
        }
    }
}
