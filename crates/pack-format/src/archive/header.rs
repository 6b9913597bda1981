use std::mem::offset_of;

use tar::{Header as Layout, UstarHeader};

use super::number::{InvalidNumber, signed, unsigned};
use crate::Quoted;

/// The size of a tar block, in bytes. A header is one block, and contents are padded to full blocks.
pub(super) const BLOCK: usize = 512;

/// A header that all tar readers understand in the same way.
#[derive(Debug)]
pub(super) struct Header {
    /// The name, including the prefix of a `ustar` header.
    pub(super) name: Vec<u8>,
    pub(super) typeflag: u8,
    /// The size of the data that follows, in bytes, without padding.
    pub(super) size: u64,
    /// Whether the mode has any of the three execute bits.
    pub(super) executable: bool,
    pub(super) has_link_name: bool,
    /// Whether the header is in the format of Unix version 7, which has no extension headers.
    pub(super) is_v7: bool,
}

/// The reason that a block is not a valid [`Header`].
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidHeader {
    #[error("has a checksum field that {0}")]
    UnreadableChecksum(InvalidNumber),
    #[error("has the checksum {found} but should have {expected}; the archive is damaged, so create it again")]
    Checksum { found: u64, expected: u64 },
    #[error("has the unknown magic {0}; the format must be POSIX, GNU or v7 tar (`tar --format=posix`)")]
    Magic(String),
    #[error("has a `{field}` field that {error}")]
    Number { field: &'static str, error: InvalidNumber },
    #[error(
        "is in {format} format but has data after its last field, which some tar readers take as part of the name; \
         create the archive with `tar --format=posix`"
    )]
    Trailing { format: &'static str },
    #[error("has a name prefix but no name")]
    PrefixAlone,
}

impl Header {
    /// Parses a block.
    ///
    /// Checks all numeric fields, including unused ones: Python's `tarfile` treats a header with a malformed number as
    /// the end of the archive.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, InvalidHeader> {
        let layout = Layout::from_byte_slice(block);
        let common = layout.as_old();
        check_checksum(block, &common.cksum)?;
        let number = |field, bytes: &[u8]| unsigned(bytes).map_err(|error| InvalidHeader::Number { field, error });
        let mode = number("mode", &common.mode)?;
        number("uid", &common.uid)?;
        number("gid", &common.gid)?;
        let size = number("size", &common.size)?;
        signed(&common.mtime).map_err(|error| InvalidHeader::Number { field: "mtime", error })?;

        // Not every format has these fields, but GNU tar writes them and Python reads them in every format.
        number("devmajor", &block[offset_of!(UstarHeader, dev_major)..offset_of!(UstarHeader, dev_minor)])?;
        number("devminor", &block[offset_of!(UstarHeader, dev_minor)..offset_of!(UstarHeader, prefix)])?;

        let is_v7 = block[MAGIC_AND_VERSION] == [0; 8];
        let prefix = match layout.as_ustar() {
            Some(ustar) => until_nul(&ustar.prefix),
            None if layout.as_gnu().is_some() => no_prefix(block, "GNU")?,
            None if is_v7 => no_prefix(block, "v7")?,
            None => return Err(InvalidHeader::Magic(Quoted::new(&block[MAGIC_AND_VERSION]).to_string())),
        };
        Ok(Self {
            name: join(prefix, until_nul(&common.name))?,
            typeflag: common.linkflag[0],
            size,
            executable: mode & 0o111 != 0,
            has_link_name: common.linkname[0] != 0,
            is_v7,
        })
    }
}

/// The fields `magic` and `version`, which identify the format.
const MAGIC_AND_VERSION: std::ops::Range<usize> = 257..265;

/// Verifies the checksum: the sum of the block's bytes, with the checksum field counted as spaces.
fn check_checksum(block: &[u8; BLOCK], field: &[u8; 8]) -> Result<(), InvalidHeader> {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let found = unsigned(field).map_err(InvalidHeader::UnreadableChecksum)?;
    let expected = sum(block) - sum(field) + u64::from(b' ') * field.len() as u64;
    if found == expected { Ok(()) } else { Err(InvalidHeader::Checksum { found, expected }) }
}

/// Checks that a header without a prefix field has only zeros after its last common field. GNU headers may contain
/// times or sparse maps there, but Python reads a prefix in every format.
fn no_prefix(block: &[u8; BLOCK], format: &'static str) -> Result<&'static [u8], InvalidHeader> {
    let rest = &block[offset_of!(UstarHeader, prefix)..];
    if rest.iter().all(|byte| *byte == 0) { Ok(&[]) } else { Err(InvalidHeader::Trailing { format }) }
}

fn join(prefix: &[u8], name: &[u8]) -> Result<Vec<u8>, InvalidHeader> {
    match (prefix, name) {
        ([], _) => Ok(name.to_vec()),
        (_, []) => Err(InvalidHeader::PrefixAlone),
        _ => Ok([prefix, name].join(&b'/')),
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}
