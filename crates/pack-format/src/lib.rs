//! Validates archives of content packs, and assembles OCI images from them.
//!
//! - [`validate`] reads a `.tar.gz`, checks the archive, its layout and its `pack.yaml`, and searches its files for
//!   secrets. It returns the [`Pack`] or the problems that it found.
//! - [`unpack`] and [`write_layer_of`] read the archive of a validated pack again.
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

use self::{
    archive::{Output, Unpacked},
    secrets::FoundSecrets,
};
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
    /// Whether the archive's entries are in the same order as in the pack's layer. If so, [`write_layer_of`] writes
    /// that layer.
    pub is_in_layer_order: bool,
    /// The locations of strings that look like live credentials, at most 50. Empty for a community pack, which must not
    /// contain any.
    pub secrets: Vec<Secret>,
    /// Parts of the pack that are valid but probably not what the author intended, including the secrets.
    pub warnings: Vec<Warning>,
}

/// Why [`validate`], [`unpack`] or [`write_layer_of`] rejected an archive or failed.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// The archive exceeds a limit in [`LimitName`]. The rest was not read.
    #[error("{0}")]
    TooLarge(Limit),
    /// The archive is not a valid pack.
    #[error("{0}")]
    Invalid(Problems),
    /// Reading the archive, reading or writing `contents`, or writing the layer failed. The pack may still be valid.
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
    let mut found = FoundSecrets::default();
    let output = Output::SearchedContents(&mut *contents, &mut found);
    let unpacked = archive::read(archive, limits, output, &mut problems)?;
    let secrets = found.in_tree(&unpacked.tree, contents)?;
    let manifest = layout::validate(&unpacked, limits, contents, &mut problems)?;
    if visibility == Visibility::Community {
        secrets::reject(&secrets, &mut problems);
    }
    match manifest {
        Some(manifest) if problems.is_empty() => {
            let Unpacked { tree, is_in_layer_order, .. } = unpacked;
            let warnings = warnings::find(&tree, &secrets, contents)?;
            Ok(Pack { manifest, tree, is_in_layer_order, secrets, warnings })
        }
        _ => Err(ValidationError::Invalid(problems)),
    }
}

/// Reads an archive like [`validate`], but checks neither the layout of the pack nor the contents of its files. Returns
/// the files and directories, and writes the contents of the files to `contents`.
///
/// # Errors
/// As for [`validate`].
pub fn unpack(archive: impl BufRead, limits: &Limits, contents: &mut impl Write) -> Result<Tree, ValidationError> {
    let mut problems = Problems::default();
    let unpacked = archive::read(archive, limits, Output::Contents(contents), &mut problems)?;
    if problems.is_empty() { Ok(unpacked.tree) } else { Err(ValidationError::Invalid(problems)) }
}

/// Reads an archive like [`unpack`], but writes a layer with the entries in archive order. This is the pack's layer if
/// the pack is valid and [`Pack::is_in_layer_order`] is true.
///
/// # Errors
/// As for [`unpack`], with `layer` in place of `contents`.
pub fn write_layer_of(archive: impl BufRead, limits: &Limits, layer: &mut impl Write) -> Result<(), ValidationError> {
    let mut problems = Problems::default();
    archive::read(archive, limits, Output::Layer(&mut *layer), &mut problems)?;
    if problems.is_empty() { Ok(image::write_end(layer)?) } else { Err(ValidationError::Invalid(problems)) }
}
