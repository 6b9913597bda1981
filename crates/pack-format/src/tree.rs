use std::io::{self, Read, Seek, SeekFrom, Take};

/// A pack's files and directories as validated: sorted by path, each parent directory an entry of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    entries: Vec<Entry>,
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
        /// What is in it.
        content: Content,
    },
}

/// Where the content of one file lies among the contents of its pack, which [`validate`](super::validate) wrote one after
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    pub(super) start: u64,
    pub(super) size: u64,
}

impl Content {
    /// How long it is, in bytes.
    pub fn size(self) -> u64 {
        self.size
    }

    /// Its bytes, read from the pack's contents.
    ///
    /// # Errors
    /// When the contents cannot be read.
    pub fn open<C: Read + Seek>(self, mut contents: C) -> io::Result<Take<C>> {
        contents.seek(SeekFrom::Start(self.start))?;
        Ok(contents.take(self.size))
    }
}

impl Tree {
    /// A tree of entries with distinct paths, in any order.
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Self { entries }
    }

    /// The entries, sorted by the bytes of their paths.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The content of the file at `path`, if a file is there.
    pub fn file(&self, path: &str) -> Option<Content> {
        let index = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        match self.entries[index].kind {
            EntryKind::File { content, .. } => Some(content),
            EntryKind::Directory => None,
        }
    }
}
