use std::collections::{HashMap, hash_map};

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

use super::Unpacked;
use crate::{Entry, EntryKind, Problem, Problems, Quoted, Tree, layout::DIRECTORIES, text::is_ignorable};

/// A builder that assembles an archive's entries into a [`Tree`].
#[derive(Default)]
pub(super) struct TreeBuilder {
    nodes: Vec<Node>,
    /// Indices into `nodes`, by [`key`].
    by_key: HashMap<String, usize>,
    added_parents: u64,
    /// Problems to report only if the pack keeps the affected entry. Each is stored with the path of that entry.
    problems: Vec<(String, Problem)>,
    /// The number of nodes that [`Self::new_entries`] has already considered.
    considered: usize,
}

struct Node {
    path: String,
    kind: EntryKind,
    /// The offset in the tar, in bytes, of the node's own entry or, if the directory is implied, of the first entry
    /// inside it.
    position: u64,
    /// Whether this directory was added as a parent of an entry and does not have an entry of its own yet.
    is_implied: bool,
}

/// Why an entry conflicts with an existing entry. Contains the existing entry's position, and its path if that differs
/// from the new entry's path.
#[derive(Debug, thiserror::Error)]
pub(super) enum EntryConflict {
    #[error("appears twice in the archive, first at byte {0}; keep only one of them")]
    Duplicate(u64),
    #[error("is a file, but the entry at byte {0} makes it a directory; rename one of them")]
    FileOverDirectory(u64),
    #[error("is a directory, but the entry at byte {0} is a file of the same name; rename one of them")]
    DirectoryOverFile(u64),
    #[error("is inside {path}, which is a file at byte {position}; rename one of them", path = Quoted::new(.0), position = .1)]
    InsideFile(String, u64),
    #[error(
        "differs from {path} at byte {position} only in case or Unicode normalization, and some file systems treat such \
         names as the same; rename one of them",
        path = Quoted::new(.0), position = .1
    )]
    SameName(String, u64),
    #[error(
        "differs from {path} at byte {position} only in invisible characters; rename one of them",
        path = Quoted::new(.0), position = .1
    )]
    LooksTheSame(String, u64),
}

impl Node {
    /// Returns whether this node is the wrapping directory if it is the only top-level entry apart from git files.
    fn is_wrapper(&self) -> bool {
        self.kind == EntryKind::Directory && !DIRECTORIES.contains(&self.path.as_str())
    }

    /// Returns the pack's entry for this node, or `None` if the pack does not keep it.
    fn entry(&self, wrapper: Option<&str>) -> Option<Entry> {
        Some(Entry { path: path_in_pack(&self.path, wrapper)?.to_owned(), kind: self.kind.clone() })
    }

    /// Returns the conflict between this node and a different path that has the same key.
    fn same_name(&self, path: &str) -> EntryConflict {
        let visible = |path: &str| path.replace(is_ignorable, "");
        if visible(&self.path) == visible(path) {
            EntryConflict::LooksTheSame(self.path.clone(), self.position)
        } else {
            EntryConflict::SameName(self.path.clone(), self.position)
        }
    }
}

impl TreeBuilder {
    /// Adds an entry and its missing parent directories. Drops macOS metadata, but adds its parent directories, because
    /// tar readers create them.
    pub(super) fn add(&mut self, path: String, kind: EntryKind, position: u64) -> Result<(), EntryConflict> {
        if let Some(metadata) = macos_metadata(&path) {
            return self.add_parents(metadata, &key(metadata), position);
        }
        let key = key(&path);
        self.add_parents(&path, &key, position)?;
        match self.by_key.entry(key) {
            hash_map::Entry::Vacant(vacant) => {
                vacant.insert(self.nodes.len());
                self.nodes.push(Node { path, kind, position, is_implied: false });
                Ok(())
            }
            hash_map::Entry::Occupied(occupied) => {
                let existing = &mut self.nodes[*occupied.get()];
                let is_directory = kind == EntryKind::Directory;
                if existing.path != path {
                    return Err(existing.same_name(&path));
                }
                match (existing.kind == EntryKind::Directory, is_directory) {
                    (true, true) if existing.is_implied => {
                        existing.is_implied = false;
                        existing.position = position;
                        Ok(())
                    }
                    (true, false) => Err(EntryConflict::FileOverDirectory(existing.position)),
                    (false, true) => Err(EntryConflict::DirectoryOverFile(existing.position)),
                    _ => Err(EntryConflict::Duplicate(existing.position)),
                }
            }
        }
    }

    /// Adds a problem with the entry at `path`, to report only if the pack keeps that entry.
    pub(super) fn add_problem(&mut self, path: &str, problem: Problem) {
        if macos_metadata(path).is_none() {
            self.problems.push((path.to_owned(), problem));
        }
    }

    /// Returns the number of directories that were added as missing parents, even if their own entries came later.
    pub(super) fn added_parents(&self) -> u64 {
        self.added_parents
    }

    /// Builds the tree. Strips the wrapping directory, if any. Drops `.gitignore` and `.gitattributes` at the top of
    /// the archive and at the top of the pack. Reports the [added problems](Self::add_problem) whose entries the pack
    /// keeps.
    pub(super) fn build(self, problems: &mut Problems) -> Unpacked {
        let wrapper = self.wrapper();
        let is_kept = |path: &str| path_in_pack(path, wrapper.as_deref()).is_some();
        for (_, problem) in self.problems.into_iter().filter(|(path, _)| is_kept(path)) {
            problems.push(problem);
        }
        let entries: Vec<_> = self.nodes.iter().filter_map(|node| node.entry(wrapper.as_deref())).collect();
        let is_in_layer_order = entries.is_sorted_by(|a, b| a.path < b.path);
        Unpacked { tree: Tree::new(entries), wrapper, is_in_layer_order }
    }

    /// Returns the entries of the pack that were added since the last call, parents first. Determines the wrapping
    /// directory from the entries so far, so the result is correct only if the archive contains a valid pack.
    pub(super) fn new_entries(&mut self) -> Vec<Entry> {
        let wrapper = self.top().next().filter(|node| node.is_wrapper()).map(|node| node.path.as_str());
        let entries = self.nodes[self.considered..].iter().filter_map(|node| node.entry(wrapper)).collect();
        self.considered = self.nodes.len();
        entries
    }

    /// Returns the wrapping directory: the only top-level entry apart from git files. A directory that is allowed in a
    /// pack, such as `guides`, is not a wrapping directory.
    fn wrapper(&self) -> Option<String> {
        let mut top = self.top();
        let (Some(only), None) = (top.next(), top.next()) else { return None };
        only.is_wrapper().then(|| only.path.clone())
    }

    /// Returns the top-level entries of the archive apart from git files, in archive order.
    fn top(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| !node.path.contains('/') && !is_git_file(&node.path))
    }

    fn add_parents(&mut self, path: &str, key: &str, position: u64) -> Result<(), EntryConflict> {
        let mut missing = Vec::new();
        // The part of the key before each slash is the key of the corresponding parent, because folding and decomposing
        // neither produce a slash nor move a character across one.
        for ((slash, _), (key_slash, _)) in path.rmatch_indices('/').zip(key.rmatch_indices('/')) {
            let (parent, key) = (&path[..slash], &key[..key_slash]);
            match self.by_key.get(key).map(|index| &self.nodes[*index]) {
                None => missing.push((key, parent)),
                Some(existing) if existing.path != parent => {
                    return Err(existing.same_name(parent));
                }
                Some(existing) if existing.kind != EntryKind::Directory => {
                    return Err(EntryConflict::InsideFile(existing.path.clone(), existing.position));
                }
                // The parents of an existing directory exist too.
                Some(_) => break,
            }
        }
        for (key, parent) in missing.into_iter().rev() {
            self.by_key.insert(key.to_owned(), self.nodes.len());
            let kind = EntryKind::Directory;
            self.nodes.push(Node { path: parent.to_owned(), kind, position, is_implied: true });
            self.added_parents += 1;
        }
        Ok(())
    }
}

/// Converts a path in the archive to a path in the pack. Returns `None` for the wrapping directory itself, and for
/// `.gitignore` and `.gitattributes` at the top of the archive or of the pack.
fn path_in_pack<'a>(path: &'a str, wrapper: Option<&str>) -> Option<&'a str> {
    let path = match wrapper {
        None => path,
        Some(wrapper) => path.strip_prefix(wrapper)?.strip_prefix('/')?,
    };
    (!is_git_file(path)).then_some(path)
}

/// Returns a key for comparing paths. Two paths have the same key if they differ only in case or Unicode normalization,
/// which some file systems ignore, or in characters that are usually not displayed. The key implements canonical
/// caseless matching with full case folding (The Unicode Standard, section 3.13, D145), and omits the characters that
/// `NFKC_Casefold` removes.
fn key(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.chars().filter(|char| !is_ignorable(*char)).nfd().default_case_fold().nfd().collect()
}

/// Returns the path up to and including the first component that is macOS metadata: `.DS_Store`, or `._*`
/// (AppleDouble).
fn macos_metadata(path: &str) -> Option<&str> {
    // Few paths have a component that starts with a dot.
    if !path.starts_with('.') && !path.contains("/.") {
        return None;
    }
    let mut end = 0;
    for name in path.split('/') {
        end += name.len();
        if name == ".DS_Store" || name.starts_with("._") {
            return Some(&path[..end]);
        }
        end += 1;
    }
    None
}

/// Returns whether the path's first component is the name of a git file.
fn is_git_file(path: &str) -> bool {
    matches!(path.split('/').next(), Some(".gitignore" | ".gitattributes"))
}
