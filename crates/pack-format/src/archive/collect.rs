use std::collections::{HashMap, hash_map};

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

use crate::{Entry, EntryKind, Quoted, Tree, manifest::PACK_YAML};

/// Puts an archive's entries together into a tree.
#[derive(Default)]
pub(super) struct Collector {
    nodes: Vec<Node>,
    /// Indices of `nodes` by [`key`].
    by_key: HashMap<String, usize>,
    added_parents: u64,
}

struct Node {
    path: String,
    kind: EntryKind,
    /// Where in the archive the entry is that it comes from.
    position: u64,
    /// Whether that entry names it, and not only something inside it.
    is_named: bool,
}

/// Why an entry cannot be where another is already. Holds the other's path and position.
#[derive(Debug, thiserror::Error)]
pub(super) enum Clash {
    #[error("stands in the archive twice, at byte {0} for the first time")]
    Twice(u64),
    #[error("is a file where byte {0} has a directory, or the other way round")]
    Kind(u64),
    #[error("lies inside {path}, which is a file at byte {position}", path = Quoted::new(.0), position = .1)]
    InsideFile(String, u64),
    #[error(
        "differs from {path} at byte {position} only in case or Unicode normalisation, so that some file systems take \
         them for one; rename it",
        path = Quoted::new(.0), position = .1
    )]
    Spelling(String, u64),
}

impl Collector {
    /// Adds an entry, and directories for those of its parents that are not there yet. What tools leave behind is
    /// dropped.
    pub(super) fn add(&mut self, path: String, kind: EntryKind, position: u64) -> Result<(), Clash> {
        if is_litter(&path) {
            return Ok(());
        }
        let key = key(&path);
        self.add_parents(&path, &key, position)?;
        match self.by_key.entry(key) {
            hash_map::Entry::Vacant(vacant) => {
                vacant.insert(self.nodes.len());
                self.nodes.push(Node { path, kind, position, is_named: true });
                Ok(())
            }
            hash_map::Entry::Occupied(occupied) => {
                let there = &mut self.nodes[*occupied.get()];
                let both_directories = there.kind == EntryKind::Directory && kind == EntryKind::Directory;
                if there.path != path {
                    Err(Clash::Spelling(there.path.clone(), there.position))
                } else if both_directories && !there.is_named {
                    there.is_named = true;
                    there.position = position;
                    Ok(())
                } else if (there.kind == EntryKind::Directory) != (kind == EntryKind::Directory) {
                    Err(Clash::Kind(there.position))
                } else {
                    Err(Clash::Twice(there.position))
                }
            }
        }
    }

    /// How many directories were added that no entry had named at the time.
    pub(super) fn added_parents(&self) -> u64 {
        self.added_parents
    }

    /// The tree.
    ///
    /// If the root holds nothing but one directory, and that holds a `pack.yaml` (in any spelling), it is taken for a
    /// wrapper and stripped. `.gitignore` and `.gitattributes` at the top are dropped, beside a wrapper and in it.
    pub(super) fn into_tree(self) -> Tree {
        let wrapper = self.wrapper();
        let entries = self.nodes.into_iter().filter_map(|node| {
            let path = match &wrapper {
                None => node.path,
                Some(wrapper) => node.path.strip_prefix(wrapper)?.strip_prefix('/')?.to_owned(),
            };
            (!is_git_file(&path)).then_some(Entry { path, kind: node.kind })
        });
        Tree::new(entries.collect())
    }

    fn wrapper(&self) -> Option<String> {
        let mut top = self.nodes.iter().filter(|node| !node.path.contains('/') && !is_git_file(&node.path));
        let (Some(only), None) = (top.next(), top.next()) else { return None };
        self.by_key.contains_key(&key(&format!("{}/{PACK_YAML}", only.path))).then(|| only.path.clone())
    }

    fn add_parents(&mut self, path: &str, key: &str, position: u64) -> Result<(), Clash> {
        let mut missing = Vec::new();
        // Nothing folds or decomposes to a slash or reorders around one, so the parents' keys are the key's beginnings.
        for ((slash, _), (key_slash, _)) in path.rmatch_indices('/').zip(key.rmatch_indices('/')) {
            let (parent, key) = (&path[..slash], &key[..key_slash]);
            match self.by_key.get(key).map(|index| &self.nodes[*index]) {
                None => missing.push((key, parent)),
                Some(there) if there.path != parent => return Err(Clash::Spelling(there.path.clone(), there.position)),
                Some(there) if there.kind != EntryKind::Directory => {
                    return Err(Clash::InsideFile(there.path.clone(), there.position));
                }
                // Its own parents are there, too.
                Some(_) => break,
            }
        }
        for (key, parent) in missing {
            self.by_key.insert(key.to_owned(), self.nodes.len());
            let kind = EntryKind::Directory;
            self.nodes.push(Node { path: parent.to_owned(), kind, position, is_named: false });
            self.added_parents += 1;
        }
        Ok(())
    }
}

/// What two paths have in common that some file system takes for one: canonical caseless matching, with full case
/// folding (The Unicode Standard, section 3.13, D145).
fn key(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.nfd().default_case_fold().nfd().collect()
}

/// What macOS puts beside files, wherever it stands: `.DS_Store`, and AppleDouble files `._*`.
fn is_litter(path: &str) -> bool {
    path.split('/').any(|component| component == ".DS_Store" || component.starts_with("._"))
}

/// What git keeps at the top of a working tree for itself.
fn is_git_file(path: &str) -> bool {
    matches!(path, ".gitignore" | ".gitattributes")
}
