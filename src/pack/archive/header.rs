use tar::{Header as Layout, UstarHeader};

use super::{
    number::{InvalidNumber, signed, unsigned},
    quote::Quoted,
};

/// The size of a block, in bytes: a header is one, and contents are padded to whole ones.
pub(super) const BLOCK: usize = 512;

/// A header that every reader reads alike.
#[derive(Debug)]
pub(super) struct Header {
    /// The name, with the prefix of a `ustar` header before it.
    pub(super) name: Vec<u8>,
    /// What kind of entry it is.
    pub(super) typeflag: u8,
    /// How much data follows, in bytes, padding aside.
    pub(super) size: u64,
    /// Whether the mode lets anyone execute it.
    pub(super) executable: bool,
    /// Whether it names a link's target.
    pub(super) has_link_name: bool,
    /// Whether its format is that of Unix version 7, which knows no extension headers.
    pub(super) is_v7: bool,
}

/// Why a block is not such a header.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidHeader {
    #[error("has a checksum field that {0}")]
    UnreadableChecksum(InvalidNumber),
    #[error("has the checksum {found} and should have {expected}: the archive is damaged")]
    Checksum { found: u64, expected: u64 },
    #[error("has the magic {0}, which is none of POSIX ustar or PAX, GNU or v7 tar")]
    Magic(String),
    #[error("has a field `{field}` that {error}")]
    Number { field: &'static str, error: InvalidNumber },
    #[error(
        "is in {format} format and has data after its last field, which some readers take for a part of the name; \
         write the archive with `tar --format=posix`"
    )]
    Trailing { format: &'static str },
    #[error("has a name prefix and no name")]
    PrefixAlone,
}

impl Header {
    /// Reads a block.
    ///
    /// All numeric fields are checked, even those that are not used: for Python's `tarfile` an archive ends before a
    /// header with a malformed one.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, InvalidHeader> {
        let layout = Layout::from_byte_slice(block);
        let common = layout.as_old();
        check_checksum(block, &common.cksum)?;
        let number = |field, bytes| unsigned(bytes).map_err(|error| InvalidHeader::Number { field, error });
        let mode = number("mode", &common.mode)?;
        number("uid", &common.uid)?;
        number("gid", &common.gid)?;
        let size = number("size", &common.size)?;
        signed(&common.mtime).map_err(|error| InvalidHeader::Number { field: "mtime", error })?;

        let is_v7 = is_v7(block);
        let prefix = if let Some(ustar) = layout.as_ustar() {
            number("devmajor", &ustar.dev_major)?;
            number("devminor", &ustar.dev_minor)?;
            until_nul(&ustar.prefix)
        } else if let Some(gnu) = layout.as_gnu() {
            number("devmajor", &gnu.dev_major)?;
            number("devminor", &gnu.dev_minor)?;
            // Where GNU keeps times and sparse maps, Python reads a prefix.
            check_trailing(block, std::mem::offset_of!(UstarHeader, prefix), "GNU")?;
            &[]
        } else if is_v7 {
            &[]
        } else {
            let magic = &block[MAGIC_AND_VERSION];
            return Err(if magic.iter().all(|byte| *byte == 0) {
                InvalidHeader::Trailing { format: "v7" }
            } else {
                InvalidHeader::Magic(Quoted(magic).to_string())
            });
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

/// Whether nothing follows the fields of Unix version 7, but for the device numbers that GNU tar writes all the same.
fn is_v7(block: &[u8; BLOCK]) -> bool {
    let device_numbers = std::mem::offset_of!(UstarHeader, dev_major)..std::mem::offset_of!(UstarHeader, prefix);
    let (before, after) = (MAGIC_AND_VERSION.start..device_numbers.start, device_numbers.end..BLOCK);
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let numbers = &block[device_numbers];
    is_zero(&block[before]) && is_zero(&block[after]) && (is_zero(numbers) || numbers == b"0000000\x000000000\0")
}

/// Where the two fields lie that tell the formats apart.
const MAGIC_AND_VERSION: std::ops::Range<usize> = 257..265;

/// The checksum is the sum of the block's bytes, its own field taken as spaces.
fn check_checksum(block: &[u8; BLOCK], field: &[u8; 8]) -> Result<(), InvalidHeader> {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let found = unsigned(field).map_err(InvalidHeader::UnreadableChecksum)?;
    let expected = sum(block) - sum(field) + u64::from(b' ') * field.len() as u64;
    if found == expected { Ok(()) } else { Err(InvalidHeader::Checksum { found, expected }) }
}

fn check_trailing(block: &[u8; BLOCK], start: usize, format: &'static str) -> Result<(), InvalidHeader> {
    let is_zero = block[start..].iter().all(|byte| *byte == 0);
    if is_zero { Ok(()) } else { Err(InvalidHeader::Trailing { format }) }
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
