use std::io::{self, Read, Seek, SeekFrom, Take};

/// A pack's files and directories, sorted by path. Every parent directory has an entry of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    entries: Vec<Entry>,
}

/// A file or directory in a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path, relative to the pack's root, with `/` between components and no slash at either end.
    pub path: String,
    pub kind: EntryKind,
}

impl Entry {
    pub(super) fn is_at_top(&self) -> bool {
        !self.path.as_bytes().contains(&b'/')
    }
}

/// A directory, or a file with its execute bit and content. Packs contain no links or devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    Directory,
    File {
        /// Whether any of the three execute bits is set in the archive. The rest of the mode is not kept.
        executable: bool,
        content: Content,
    },
}

/// The position and size, in bytes, of a file's content in the `contents` that [`validate`](super::validate) or
/// [`unpack`](super::unpack) wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    pub(super) start: u64,
    pub(super) size: u64,
}

impl Content {
    /// Returns the file's size in bytes.
    pub fn size(self) -> u64 {
        self.size
    }

    /// Returns a reader for the file's content. `contents` must be what [`validate`](super::validate) or
    /// [`unpack`](super::unpack) wrote for the same pack.
    pub fn open<C: Read + Seek>(self, mut contents: C) -> io::Result<Take<C>> {
        contents.seek(SeekFrom::Start(self.start))?;
        Ok(contents.take(self.size))
    }
}

impl Tree {
    /// Creates a tree from entries in any order. Their paths must be distinct.
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Self { entries }
    }

    /// Returns the entries, sorted by the bytes of their paths.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).is_ok()
    }

    /// Returns the content of the file at `path`, or `None` if there is no such file.
    pub fn file(&self, path: &str) -> Option<Content> {
        let index = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        match self.entries[index].kind {
            EntryKind::File { content, .. } => Some(content),
            EntryKind::Directory => None,
        }
    }
}
