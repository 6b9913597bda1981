//! What a pack is: its archive, its manifest, its limits and its record.
//!
//! Pure: no I/O of its own, no AWS, no HTTP. [`validate`] is the one door an upload comes through.

#![warn(clippy::large_futures, clippy::unwrap_used)]

mod archive;
mod capabilities;
mod digest;
pub mod image;
mod layout;
mod limits;
mod manifest;
mod name;
mod problem;
mod quote;
mod text;
mod tree;
mod version;
mod yaml;

use std::io::{self, BufRead, Read, Seek, Write};

pub use self::{
    digest::{Digest, InvalidDigest},
    limits::{Limit, Limits},
    manifest::Manifest,
    name::{InvalidName, PackName},
    problem::{Problem, Problems},
    quote::{Escaped, Quoted},
    tree::{Content, Entry, EntryKind, Tree},
    version::{InvalidVersion, Version},
};

/// An upload that was validated and found good: what its author declared, and the files that will ship.
#[derive(Debug, Clone)]
pub struct Pack {
    /// What `pack.yaml` says.
    pub manifest: Manifest,
    /// The validated files and directories.
    pub tree: Tree,
}

/// Why an upload is not taken for a pack.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// Reading had to stop, since a limit on bytes, entries or ratio was passed.
    #[error("{0}")]
    TooLarge(Limit),
    /// The archive was read as far as it could be, and this is all that is wrong with it.
    #[error("{0}")]
    Invalid(Problems),
    /// It could not be validated, since reading the archive or keeping its contents failed. That says nothing of the pack.
    #[error("the archive could not be validated")]
    Io(#[from] io::Error),
}

/// Reads a `.tar.gz` once, from its first byte to its last, and validates everything in it. The contents of its files are
/// written to `contents`, which is empty, and from which they can be read again by the tree's entries.
///
/// # Errors
/// [`ValidationError::TooLarge`] as soon as one of `limits` on what may be read is passed, else [`ValidationError::Invalid`] with
/// every problem that the archive, its layout and its `pack.yaml` have. [`ValidationError::Io`] when `archive` or
/// `contents` fails.
pub fn validate(
    archive: impl BufRead,
    limits: &Limits,
    contents: &mut (impl Read + Write + Seek),
) -> Result<Pack, ValidationError> {
    let mut problems = Problems::default();
    let tree = archive::read(archive, limits, contents, &mut problems)?;
    match layout::manifest(&tree, limits, contents, &mut problems)? {
        Some(manifest) if problems.is_empty() => Ok(Pack { manifest, tree }),
        _ => Err(ValidationError::Invalid(problems)),
    }
}
