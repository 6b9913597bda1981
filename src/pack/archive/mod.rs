//! Reading a `.tar.gz` strictly.

use std::io::BufRead;

use super::{Limits, Problems, Rejection, Tree};

/// Reads the archive into a tree of the pack's files, with one wrapping directory stripped and tools' litter dropped.
pub(super) fn read(_archive: impl BufRead, _limits: &Limits, _problems: &mut Problems) -> Result<Tree, Rejection> {
    todo!()
}
