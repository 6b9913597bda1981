//! Validates archives of content packs, and assembles OCI images from them.
//!
//! - [`validate`] reads a `.tar.gz`, checks the archive, its layout and its `pack.yaml`, and returns the [`Pack`] or
//!   the problems that it found.
//! - [`image`] writes a pack's layer and assembles the config and the image manifest. The image depends only on the
//!   pack, byte for byte.
//!
//! This crate reads and writes only the streams that the caller passes. It opens no files and makes no network calls.

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
mod secrets;
mod text;
mod tree;
mod version;
mod visibility;
mod warnings;
mod yaml;

use std::io::{self, BufRead, Read, Seek, Write};

pub use self::{
    capabilities::Grants,
    digest::{Digest, InvalidDigest},
    limits::{Limit, LimitName, Limits},
    manifest::{MANIFEST_SCHEMA, Manifest},
    name::{InvalidName, PackName},
    problem::{Location, Problem, Problems, Span, Suggestion},
    quote::{Escaped, Quoted},
    secrets::{Secret, SecretKind},
    tree::{Content, Entry, EntryKind, Tree},
    version::{InvalidVersion, Version},
    visibility::Visibility,
    warnings::Warning,
};

/// A validated pack.
#[derive(Debug, Clone)]
pub struct Pack {
    pub manifest: Manifest,
    /// The files and directories that the image will contain.
    pub tree: Tree,
    /// The locations of strings that look like live credentials. Empty for a community pack, which must not contain
    /// any.
    pub secrets: Vec<Secret>,
    /// Parts of the pack that are valid but probably not what the author intended, including the secrets.
    pub warnings: Vec<Warning>,
}

/// Why [`validate`] did not return a pack.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// The archive exceeds a limit. Reading stopped there.
    #[error("{0}")]
    TooLarge(Limit),
    /// The archive is not a valid pack.
    #[error("{0}")]
    Invalid(Problems),
    /// Reading the archive, or reading or writing `contents`, failed. The pack may still be valid.
    #[error("cannot validate the archive")]
    Io(#[from] io::Error),
}

/// Reads a `.tar.gz` once, from start to end, and validates the archive, its layout and its `pack.yaml`.
///
/// A community pack must not contain secrets. In an org pack, they only cause warnings.
///
/// Writes the contents of the pack's files to `contents`, which must be empty. [`Content::open`] reads a file back from
/// it.
///
/// # Errors
/// - [`ValidationError::TooLarge`] as soon as the archive exceeds a limit in [`LimitName`], even if it also has
///   problems
/// - [`ValidationError::Invalid`] with all problems found. If the archive cannot be read to its end, its layout and
///   `pack.yaml` are not checked.
/// - [`ValidationError::Io`] if `archive` cannot be read, or if `contents` cannot be written or read
pub fn validate(
    archive: impl BufRead,
    limits: &Limits,
    visibility: Visibility,
    contents: &mut (impl Read + Write + Seek),
) -> Result<Pack, ValidationError> {
    let mut problems = Problems::default();
    let (unpacked, secrets) = archive::read(archive, limits, contents, &mut problems)?;
    let manifest = layout::validate(&unpacked, limits, contents, &mut problems)?;
    if visibility == Visibility::Community {
        secrets::reject(&secrets, &mut problems);
    }
    match manifest {
        Some(manifest) if problems.is_empty() => {
            let tree = unpacked.tree;
            let warnings = warnings::find(&tree, &secrets, contents)?;
            Ok(Pack { manifest, tree, secrets, warnings })
        }
        _ => Err(ValidationError::Invalid(problems)),
    }
}
