//! Reading a `.tar.gz` strictly: what tar readers read differently is refused, what they agree on is kept.
//!
//! [`gzip`] unpacks the archive chunk by chunk and watches the limits on bytes. [`entries`] walks its blocks: each must
//! be a sound [`header`] whose fields are [`number`]s, [`extension`] headers ([`pax`] records and GNU long names) apply
//! to the entry after them, and an entry's name must be a sound [`path`]. [`collect`] puts the entries together into the
//! tree. [`quote`] shows names in messages.
//!
//! Contents go to the caller's writer in the order of the archive; what is kept here does not grow with them.

mod collect;
mod entries;
mod entry;
mod extension;
mod gzip;
mod header;
mod number;
mod path;
mod pax;

use std::{
    io::{self, BufRead, Write},
    mem,
};

use self::{collect::Collector, entries::Entries, gzip::Unpacked};
use super::{Limit, Limits, Problems, Tree, ValidationError};

/// The field that an archive's problems belong to.
const FIELD: &str = "archive";

/// Why reading ends before the archive does.
#[derive(Debug)]
enum ReadError {
    /// A limit on what may be read was passed.
    TooLarge(Limit),
    /// Where the next entry begins is not known for certain. Holds the problem.
    Lost(String),
    /// The archive could not be read, or its contents could not be written: no fault of the archive.
    Failed(io::Error),
}

/// Reads the archive into a tree of the pack's files, with one wrapping directory stripped and tools' litter dropped.
/// The contents of files go to `contents`.
///
/// An entry that is wrong becomes a problem and is left out of the tree.
///
/// # Errors
/// [`ValidationError::TooLarge`] as soon as a limit is passed. [`ValidationError::Invalid`], with all of `problems`, where the
/// archive cannot be read on: what it holds is then not known, so nothing more can be said of it.
/// [`ValidationError::Io`] where reading or writing fails.
pub(super) fn read(
    archive: impl BufRead,
    limits: &Limits,
    contents: &mut impl Write,
    problems: &mut Problems,
) -> Result<Tree, ValidationError> {
    let unpacked = Unpacked::new(archive, limits);
    let mut collector = Collector::default();
    match Entries::new(unpacked, limits, &mut collector, problems, contents).read() {
        Ok(()) => Ok(collector.into_tree()),
        Err(ReadError::TooLarge(limit)) => Err(ValidationError::TooLarge(limit)),
        Err(ReadError::Lost(problem)) => {
            problems.add(FIELD, problem);
            Err(ValidationError::Invalid(mem::take(problems)))
        }
        Err(ReadError::Failed(error)) => Err(ValidationError::Io(error)),
    }
}
