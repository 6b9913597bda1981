use std::ops::Range;

/// The size of a tar block, in bytes.
pub const BLOCK: usize = 512;

// The fields in a header block (POSIX.1-1988, `ustar`).
pub const NAME: Range<usize> = 0..100;
pub const MODE: Range<usize> = 100..108;
pub const UID: Range<usize> = 108..116;
pub const GID: Range<usize> = 116..124;
pub const SIZE: Range<usize> = 124..136;
pub const MTIME: Range<usize> = 136..148;
pub const CHECKSUM: Range<usize> = 148..156;
pub const TYPEFLAG: usize = 156;
pub const LINK_NAME: Range<usize> = 157..257;
pub const MAGIC_AND_VERSION: Range<usize> = 257..265;
pub const DEV_MAJOR: Range<usize> = 329..337;
pub const DEV_MINOR: Range<usize> = 337..345;
pub const PREFIX: Range<usize> = 345..500;
// The fields at the end of a star header, which follow a shorter prefix.
pub const STAR_ATIME: Range<usize> = 476..488;
pub const STAR_CTIME: Range<usize> = 488..500;
pub const STAR_TRAILER: Range<usize> = 508..512;

/// A tar header block. [`Header::into_block`] sets the checksum unless the checksum field was already set.
#[derive(Debug, Clone)]
pub struct Header {
    block: [u8; BLOCK],
    has_checksum: bool,
}

impl Header {
    /// Returns a v7 (Unix Version 7) header for an empty regular file with mode 0644.
    pub fn v7(name: impl AsRef<[u8]>) -> Self {
        let header = Self { block: [0; BLOCK], has_checksum: false };
        header
            .field(NAME, name)
            .field(MODE, "000644 \0")
            .field(UID, "001750 \0")
            .field(GID, "001750 \0")
            .field(SIZE, "00000000000 ")
            .field(MTIME, "14722531400 ")
    }

    /// Returns a header like [`Header::v7`], but in `ustar` format (POSIX.1-1988).
    pub fn ustar(name: impl AsRef<[u8]>) -> Self {
        Self::v7(name)
            .field(MODE, "0000644\0")
            .field(UID, "0001750\0")
            .field(GID, "0001750\0")
            .typeflag(b'0')
            .field(MAGIC_AND_VERSION, "ustar\x0000")
            .field(DEV_MAJOR, "0000000\0")
            .field(DEV_MINOR, "0000000\0")
    }

    /// Returns a header like [`Header::ustar`], but in GNU tar's own format.
    pub fn gnu(name: impl AsRef<[u8]>) -> Self {
        Self::ustar(name).field(MAGIC_AND_VERSION, "ustar  \0").field(DEV_MAJOR, [0; 8]).field(DEV_MINOR, [0; 8])
    }

    /// Sets a field to these bytes, padded with NULs.
    pub fn field(mut self, field: Range<usize>, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.has_checksum |= field == CHECKSUM;
        let field = &mut self.block[field];
        field.fill(0);
        field[..bytes.len()].copy_from_slice(bytes);
        self
    }

    pub fn typeflag(mut self, typeflag: u8) -> Self {
        self.block[TYPEFLAG] = typeflag;
        self
    }

    pub fn mode(self, mode: u32) -> Self {
        self.field(MODE, format!("{mode:07o}\0"))
    }

    pub fn size(self, size: usize) -> Self {
        self.field(SIZE, format!("{size:011o}\0"))
    }

    /// Returns the correct checksum, even if the checksum field contains a different one.
    pub fn checksum(&self) -> u32 {
        checksum(&self.block)
    }

    pub fn into_block(mut self) -> [u8; BLOCK] {
        if !self.has_checksum {
            repair_checksum(&mut self.block);
        }
        self.block
    }
}

/// Returns the sum of a header's bytes, with the checksum field counted as spaces.
fn checksum(block: &[u8]) -> u32 {
    let field = 8 * u32::from(b' ');
    let others = block[..CHECKSUM.start].iter().chain(&block[CHECKSUM.end..]);
    others.map(|byte| u32::from(*byte)).sum::<u32>() + field
}

/// Writes the correct checksum into a header block.
pub fn repair_checksum(block: &mut [u8]) {
    let checksum = format!("{:06o}\0 ", checksum(block));
    block[CHECKSUM].copy_from_slice(checksum.as_bytes());
}
