//! What a pack is: its archive, its manifest, its limits and its record.
//!
//! Pure: no I/O of its own, no AWS, no HTTP. [`judge`] is the one door an upload comes through.

mod archive;
mod capabilities;
mod digest;
mod id;
mod layout;
mod limits;
mod manifest;
mod name;
mod problem;
mod record;
mod text;
mod timestamp;
mod tree;
mod upload_id;
mod version;
mod yaml;

use std::io::{self, BufRead, Read, Seek, Write};

pub use self::{
    digest::{Digest, InvalidDigest},
    id::{InvalidId, OrgId, PackId},
    limits::{Limit, Limits},
    manifest::Manifest,
    name::{InvalidName, OrgSlug, PackName},
    problem::{Problem, Problems},
    record::{Build, BuildStatus, Record, Release, Visibility},
    timestamp::Timestamp,
    tree::{Content, Entry, EntryKind, Tree},
    upload_id::{UnknownUpload, UploadId},
    version::{InvalidVersion, Version},
};

/// An upload that was judged and found good: what its author declared, and the files that will ship.
#[derive(Debug, Clone)]
pub struct Pack {
    /// What `pack.yaml` says.
    pub manifest: Manifest,
    /// The judged files and directories.
    pub tree: Tree,
}

/// Why an upload is not taken for a pack.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// Reading had to stop, since a limit on bytes, entries or ratio was passed.
    #[error("{0}")]
    TooLarge(Limit),
    /// The archive was read as far as it could be, and this is all that is wrong with it.
    #[error("{0}")]
    Invalid(Problems),
    /// It could not be judged, since reading the archive or keeping its contents failed. That says nothing of the pack.
    #[error("the archive could not be judged")]
    Unjudged(#[from] io::Error),
}

/// Reads a `.tar.gz` once, from its first byte to its last, and judges everything in it. The contents of its files are
/// written to `contents`, which is empty, and from which they can be read again by the tree's entries.
///
/// # Errors
/// [`Rejection::TooLarge`] as soon as one of `limits` on what may be read is passed, else [`Rejection::Invalid`] with
/// every problem that the archive, its layout and its `pack.yaml` have. [`Rejection::Unjudged`] when `archive` or
/// `contents` fails.
pub fn judge(
    archive: impl BufRead,
    limits: &Limits,
    contents: &mut (impl Read + Write + Seek),
) -> Result<Pack, Rejection> {
    let mut problems = Problems::default();
    let tree = archive::read(archive, limits, contents, &mut problems)?;
    match layout::manifest(&tree, limits, contents, &mut problems)? {
        Some(manifest) if problems.is_empty() => Ok(Pack { manifest, tree }),
        _ => Err(Rejection::Invalid(problems)),
    }
}
