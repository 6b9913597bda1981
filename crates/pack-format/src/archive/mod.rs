//! Reads a `.tar.gz` strictly: accepts only what all tar readers interpret in the same way.
//!
//! - [`gzip`] unpacks the archive in chunks and checks the limits on its size and compression ratio.
//! - [`mod@format`] recognizes other file formats, to explain what was uploaded instead.
//! - [`entries`] reads the tar block by block, [`header`] parses header blocks, and [`number`] parses their numeric
//!   fields.
//! - [`extension`] reads extension headers, which contain GNU long names or [`pax`] records, such as an access control
//!   list ([`acl`]). [`entry`] validates an entry together with its extension headers.
//! - [`path`] validates names.
//! - [`tree_builder`] assembles the entries into a [`Tree`].
//!
//! File contents are written to the caller's writer in archive order ([`Output`]), so memory use does not depend on
//! their size.

mod acl;
mod entries;
mod entry;
mod extension;
mod format;
mod gzip;
mod header;
mod number;
mod path;
mod pax;
mod tree_builder;

use std::{
    fmt,
    io::{self, BufRead, Write},
    mem,
};

pub(crate) use self::entries::Output;
use self::{entries::Entries, gzip::GzipReader, tree_builder::TreeBuilder};
use super::{Limit, Limits, Problem, Problems, Tree, ValidationError};

/// The field under which an archive's problems are reported.
const FIELD: &str = "archive";

/// Why reading stopped.
#[derive(Debug)]
enum ReadError {
    TooLarge(Limit),
    /// The archive cannot be read any further, for example because it is truncated or because tar readers disagree on
    /// the rest.
    Unreadable(Box<Problem>),
    /// Reading the archive or writing to the output failed.
    Io(io::Error),
}

impl ReadError {
    /// Returns the error for a problem with the archive as a whole rather than with one block or entry.
    fn in_stream(message: impl fmt::Display) -> Self {
        Self::Unreadable(Box::new(Problem::new(FIELD, message)))
    }

    /// Returns the error for an invalid block at byte `position` of the unpacked tar.
    fn at_byte(position: u64, message: impl fmt::Display) -> Self {
        Self::Unreadable(Box::new(Problem::in_archive(FIELD, None, position, message)))
    }
}

/// An archive's files and directories.
pub(super) struct Unpacked {
    pub(super) tree: Tree,
    /// The name of the directory that wraps the pack in the archive. The paths in `tree` do not include it.
    pub(super) wrapper: Option<String>,
    /// Whether the archive's entries are in the same order as in `tree`. A directory whose own entry is missing or
    /// comes later counts as coming right before the first entry inside it.
    pub(super) is_in_layer_order: bool,
}

impl Unpacked {
    /// Converts the path of an entry in `tree` to its path in the archive.
    pub(super) fn archive_path(&self, path: &str) -> String {
        match &self.wrapper {
            Some(wrapper) => format!("{wrapper}/{path}"),
            None => path.to_owned(),
        }
    }
}

/// Reads an archive into a tree, and writes to `output`.
///
/// Strips one wrapping directory, and drops macOS metadata and top-level git files. Adds the problems with the entries
/// to `problems`. An invalid entry may be missing from the tree.
///
/// # Errors
/// Returns [`ValidationError::Invalid`] only if the archive cannot be read to its end. The caller then cannot validate
/// the layout and the manifest, so the error contains only the problems found so far.
pub(super) fn read(
    archive: impl BufRead,
    limits: &Limits,
    output: Output<'_, impl Write>,
    problems: &mut Problems,
) -> Result<Unpacked, ValidationError> {
    let reader = GzipReader::new(archive, limits);
    let mut builder = TreeBuilder::default();
    let result = Entries::new(reader, limits, &mut builder, problems, output).read();
    let unpacked = builder.build(problems);
    match result {
        Ok(()) => Ok(unpacked),
        Err(ReadError::TooLarge(limit)) => Err(ValidationError::TooLarge(limit)),
        Err(ReadError::Unreadable(problem)) => {
            problems.push(*problem);
            Err(ValidationError::Invalid(mem::take(problems)))
        }
        Err(ReadError::Io(error)) => Err(ValidationError::Io(error)),
    }
}
