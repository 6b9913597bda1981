use std::{
    mem::offset_of,
    ops::{Range, RangeInclusive},
};

use tar::{Header as Layout, OldHeader, UstarHeader};

use super::number::{InvalidNumber, number, octal};
use crate::Quoted;

/// The size of a tar block, in bytes. A header is one block, and contents are padded to full blocks.
pub(super) const BLOCK: usize = 512;

/// A header whose fields all tar readers parse in the same way.
#[derive(Debug)]
pub(super) struct Header {
    /// The name, including the prefix of a `ustar` header.
    pub(super) name: Vec<u8>,
    pub(super) typeflag: u8,
    /// The size of the data that follows, in bytes, without padding.
    pub(super) size: u64,
    pub(super) mode: Mode,
    pub(super) has_link_name: bool,
    /// Whether the magic starts with `ustar`. If not, a trailing `/` in the name can mark a directory.
    pub(super) is_ustar: bool,
    /// Whether the format allows extension headers, as the POSIX and GNU formats do.
    pub(super) has_extensions: bool,
}

/// A header's permission bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode(i64);

impl Mode {
    pub(super) fn is_owner_executable(self) -> bool {
        self.0 & 0o100 != 0
    }

    /// Returns whether any of the three execute bits is set.
    pub(super) fn is_executable(self) -> bool {
        self.0 & 0o111 != 0
    }

    /// Returns the execute bits of the owner, the group and others, in that order.
    pub(super) fn execute_bits(self) -> [bool; 3] {
        [0o100, 0o010, 0o001].map(|bit| self.0 & bit != 0)
    }
}

/// Why a block is not a valid [`Header`].
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidHeader {
    #[error("has a checksum field that {0}")]
    UnreadableChecksum(InvalidNumber),
    #[error("has the checksum {found} but should have {expected}; the archive is damaged, so create it again")]
    Checksum { found: i64, expected: i64 },
    #[error("of entry {entry} has a field `{field}` that {error}; {fix}")]
    Number { entry: String, field: &'static str, error: InvalidNumber, fix: &'static str },
    #[error(
        "has bytes after the first NUL in its `{0}` field, and some tar readers read them as part of the value; create the \
         archive with `tar --format=posix`"
    )]
    AfterNul(&'static str),
    #[error(
        "has star's trailer but a prefix of more than the 130 bytes that star allows, so tar readers disagree on the \
         name; create the archive with `tar --format=posix`"
    )]
    StarPrefix,
    #[error(
        "has data in the `prefix` field, which its format does not have but some tar readers read as part of the \
         name; create the archive with `tar --format=posix`"
    )]
    Prefix,
    #[error(
        "of entry {0} is in the format of an incremental dump: it has access and change times in bytes that some tar \
         readers read as part of the name; create the archive without `--listed-incremental` and `--incremental`"
    )]
    Incremental(String),
}

impl Header {
    /// Parses a header block. Checks all numeric fields, even those that packs do not use, because Python's `tarfile`
    /// treats a header with a malformed number as the end of the archive.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, InvalidHeader> {
        let layout = Layout::from_byte_slice(block);
        let common = layout.as_old();
        check_checksum(block, &common.cksum)?;
        let (mode, size) = numbers(block, common)?;
        let prefix = match layout.as_ustar() {
            Some(_) if is_star(block) => star_prefix(block)?,
            Some(ustar) => until_nul("prefix", &ustar.prefix)?,
            // In entries of these types, the bytes at the position of `prefix` contain the map of a sparse file or an
            // offset in a multi-volume archive. Such entries are rejected later.
            None if matches!(common.linkflag[0], b'S' | b'M') => &[],
            // In every format, Python reads these bytes as a prefix.
            None if block[PREFIX].iter().any(|byte| *byte != 0) => return Err(unexpected_prefix(block)),
            None => &[],
        };
        Ok(Self {
            name: join(prefix, until_nul("name", &common.name)?),
            typeflag: common.linkflag[0],
            size,
            mode,
            has_link_name: !until_nul("linkname", &common.linkname)?.is_empty(),
            is_ustar: block[MAGIC..].starts_with(b"ustar"),
            has_extensions: layout.as_ustar().is_some() || layout.as_gnu().is_some(),
        })
    }
}

/// The offset in a header, in bytes, of the `magic` field, which identifies the format.
const MAGIC: usize = 257;
const DEV_MAJOR: Range<usize> = offset_of!(UstarHeader, dev_major)..offset_of!(UstarHeader, dev_minor);
const DEV_MINOR: Range<usize> = offset_of!(UstarHeader, dev_minor)..offset_of!(UstarHeader, prefix);
const PREFIX: Range<usize> = offset_of!(UstarHeader, prefix)..offset_of!(UstarHeader, pad);

// The end of a star header: a shorter prefix, the access and change times, and a trailer.
const STAR_PREFIX: Range<usize> = 345..476;
const STAR_ATIME: Range<usize> = 476..488;
const STAR_CTIME: Range<usize> = 488..500;
const STAR_TRAILER: Range<usize> = 508..512;

/// Verifies the checksum: the sum of the block's bytes, with the checksum field counted as spaces.
///
/// Rejects headers that some readers ignore. Node-tar ignores a header if no space or NUL follows its checksum, or if
/// its checksum is a sum of signed bytes. Libarchive ignores a header if a NUL precedes its checksum.
fn check_checksum(block: &[u8; BLOCK], field: &[u8; 8]) -> Result<(), InvalidHeader> {
    if !matches!(field[7], b' ' | 0) || field[0] == 0 {
        return Err(InvalidHeader::UnreadableChecksum(InvalidNumber::Malformed));
    }
    // 256 bytes sum to at most 65,280, which fits in a `u16`. The narrow type compiles to fewer vector instructions.
    let sum_of_chunk = |chunk: &[u8]| chunk.iter().map(|byte| u16::from(*byte)).sum::<u16>();
    let sum = |bytes: &[u8]| bytes.chunks(256).map(|chunk| i64::from(sum_of_chunk(chunk))).sum::<i64>();
    let found = octal(field).map_err(InvalidHeader::UnreadableChecksum)?;
    let expected = sum(block) - sum(field) + i64::from(b' ') * 8;
    if found == expected { Ok(()) } else { Err(InvalidHeader::Checksum { found, expected }) }
}

/// Parses the numeric fields before the prefix, except the checksum. Returns only the mode and the size, because a pack
/// needs no others.
fn numbers(block: &[u8; BLOCK], common: &OldHeader) -> Result<(Mode, u64), InvalidHeader> {
    let invalid = |field, fix| number_error(block, field, fix);
    // Reject a base-256 mode, because Rust's `tar` reads it differently from other readers.
    let mode = match common.mode[0] {
        0x80 | 0xff => Err(InvalidNumber::Base256),
        _ => octal(&common.mode),
    };
    let mode = mode.map_err(invalid("mode", POSIX))?;
    number(&common.uid, &IDS).map_err(invalid("uid", OWNER))?;
    number(&common.gid, &IDS).map_err(invalid("gid", OWNER))?;
    let size = number(&common.size, &(0..=i64::MAX)).map_err(invalid("size", POSIX))?;
    number(&common.mtime, &SAFE).map_err(invalid("mtime", TIME))?;
    // Python reads these fields in every format, including those that do not define them.
    for (field, range) in [("devmajor", DEV_MAJOR), ("devminor", DEV_MINOR)] {
        let bytes = &block[range];
        if bytes.iter().any(|byte| !matches!(byte, 0 | b' ')) {
            number(bytes, &SAFE).map_err(invalid(field, POSIX))?;
        }
    }
    Ok((Mode(mode), size.unsigned_abs()))
}

/// Returns a closure for `map_err` that adds the entry's name, the field and a fix to an [`InvalidNumber`].
fn number_error(
    block: &[u8; BLOCK],
    field: &'static str,
    fix: &'static str,
) -> impl FnOnce(InvalidNumber) -> InvalidHeader {
    move |error| InvalidHeader::Number { entry: quoted_name(block), field, error, fix }
}

/// Returns the error for a header that has data at the position of the `prefix` field, although its format has no such
/// field. In incremental dumps, GNU tar writes the access and change times there.
fn unexpected_prefix(block: &[u8; BLOCK]) -> InvalidHeader {
    if Layout::from_byte_slice(block).as_gnu().is_some_and(|gnu| is_time(&gnu.atime) && is_time(&gnu.ctime)) {
        InvalidHeader::Incremental(quoted_name(block))
    } else {
        InvalidHeader::Prefix
    }
}

fn quoted_name(block: &[u8; BLOCK]) -> String {
    let name = Layout::from_byte_slice(block).as_old().name.split(|byte| *byte == 0).next().unwrap_or_default();
    Quoted::new(name).to_string()
}

/// The owner and group ids that GNU tar accepts.
const IDS: RangeInclusive<i64> = 0..=u32::MAX as i64;
/// JavaScript's safe integers (`Number.isSafeInteger`). Node-tar ignores an entry whose time or device number is not
/// one of them.
const SAFE: RangeInclusive<i64> = -((1 << 53) - 1)..=(1 << 53) - 1;
const POSIX: &str = "create the archive with `tar --format=posix`";
const OWNER: &str = "create the archive with `tar --owner=0 --group=0`";
const TIME: &str = "set the file's time with `touch`, and create the archive with `tar --format=posix`";

/// Returns whether a `ustar` header is in star's format: it ends with star's trailer, or the access and change times
/// follow the prefix, as in headers that node-tar writes.
fn is_star(block: &[u8; BLOCK]) -> bool {
    block[STAR_TRAILER] == *b"tar\0" || (is_time(&block[STAR_ATIME]) && is_time(&block[STAR_CTIME]))
}

/// Returns whether a field contains a time rather than NULs or part of a name.
fn is_time(field: &[u8]) -> bool {
    field[0].is_ascii_digit() && octal(field).is_ok()
}

/// Returns the prefix of a star header, after checking its access and change times. Rejects a prefix longer than 130
/// bytes, because some readers read only the first 130 bytes and others up to 155.
fn star_prefix(block: &[u8; BLOCK]) -> Result<&[u8], InvalidHeader> {
    let prefix = &block[STAR_PREFIX];
    if prefix[130] != 0 {
        return Err(InvalidHeader::StarPrefix);
    }
    for (field, range) in [("atime", STAR_ATIME), ("ctime", STAR_CTIME)] {
        octal(&block[range]).map_err(number_error(block, field, POSIX))?;
    }
    until_nul("prefix", prefix)
}

/// Joins the prefix and the name. If a writer puts the full name of a directory into the prefix, `name` is empty and
/// the result ends with `/`.
fn join(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    if prefix.is_empty() { name.to_vec() } else { [prefix, name].join(&b'/') }
}

/// Returns the part of a field before the first NUL. Only NULs may follow that NUL.
fn until_nul<'a>(name: &'static str, field: &'a [u8]) -> Result<&'a [u8], InvalidHeader> {
    let (text, rest) = field.split_at(memchr::memchr(0, field).unwrap_or(field.len()));
    // Most bytes of a header are NULs. Unlike `all`, this fold compiles to a few vector instructions.
    let is_zero = rest.iter().fold(0, |bits, byte| bits | byte) == 0;
    if is_zero { Ok(text) } else { Err(InvalidHeader::AfterNul(name)) }
}
