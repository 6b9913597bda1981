//! Builds archives byte by byte, sound ones and others.

use std::{io::Write as _, ops::Range};

use flate2::{Compression, write::GzEncoder};

/// A manifest that is good, so that all that is wrong with a pack is its archive.
pub const MANIFEST: &[u8] = b"name: sample\nversion: 1.0.0\ndescription: A sample\n";

pub const BLOCK: usize = 512;

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

/// One header block, whose checksum is made right when it goes into an archive, unless it was set.
#[derive(Debug, Clone)]
pub struct Header {
    block: [u8; BLOCK],
    has_checksum: bool,
}

impl Header {
    /// A regular file's header by Unix version 7: mode 0644, no content.
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

    /// The same by POSIX.1-1988.
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

    /// The same by GNU tar before it spoke PAX.
    pub fn gnu(name: impl AsRef<[u8]>) -> Self {
        Self::ustar(name).field(MAGIC_AND_VERSION, "ustar  \0").field(DEV_MAJOR, [0; 8]).field(DEV_MINOR, [0; 8])
    }

    /// Writes the bytes to where the field is and zeros to the rest of it.
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

    /// What the checksum should be.
    pub fn checksum(&self) -> u32 {
        checksum(&self.block)
    }

    fn into_block(mut self) -> [u8; BLOCK] {
        if !self.has_checksum {
            repair_checksum(&mut self.block);
        }
        self.block
    }
}

/// The sum of a header's bytes, the checksum's own taken as spaces.
fn checksum(block: &[u8]) -> u32 {
    let field = 8 * u32::from(b' ');
    let others = block[..CHECKSUM.start].iter().chain(&block[CHECKSUM.end..]);
    others.map(|byte| u32::from(*byte)).sum::<u32>() + field
}

/// Writes the checksum that a header should have.
pub fn repair_checksum(block: &mut [u8]) {
    let checksum = format!("{:06o}\0 ", checksum(block));
    block[CHECKSUM].copy_from_slice(checksum.as_bytes());
}

/// A tar archive in the making.
#[derive(Debug, Clone, Default)]
pub struct Archive(Vec<u8>);

impl Archive {
    pub fn new() -> Self {
        Self::default()
    }

    /// An archive that begins with a good `pack.yaml`: one header and one block, so that what comes next is at byte
    /// 1024.
    pub fn pack() -> Self {
        Self::new().file("pack.yaml", MANIFEST)
    }

    /// A regular file with a `ustar` header.
    pub fn file(self, name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        self.entry(Header::ustar(name), content)
    }

    /// A directory with a `ustar` header.
    pub fn directory(self, name: impl AsRef<[u8]>) -> Self {
        self.header(Header::ustar(name).typeflag(b'5').mode(0o755))
    }

    /// A header that says how long the content is, and the content, padded.
    pub fn entry(self, header: Header, content: &[u8]) -> Self {
        self.header(header.size(content.len())).data(content)
    }

    /// A header alone.
    pub fn header(self, header: Header) -> Self {
        self.raw(&header.into_block())
    }

    /// Bytes, padded to whole blocks.
    pub fn data(self, content: &[u8]) -> Self {
        let padded = content.len().next_multiple_of(BLOCK);
        self.raw(content).raw(&vec![0; padded - content.len()])
    }

    /// Bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// An extended header for the next entry, of sound records.
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.extension(b'x', &pax_records(records))
    }

    /// An extension header of any kind.
    pub fn extension(self, typeflag: u8, data: &[u8]) -> Self {
        self.entry(Header::ustar("PaxHeaders/extension").typeflag(typeflag), data)
    }

    /// GNU's way to name the next entry.
    pub fn long_name(self, name: impl AsRef<[u8]>) -> Self {
        let data = [name.as_ref(), b"\0"].concat();
        self.entry(Header::gnu("././@LongLink").typeflag(b'L'), &data)
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The archive with its end mark.
    pub fn tar(self) -> Vec<u8> {
        self.raw(&[0; 2 * BLOCK]).0
    }

    /// The archive as it stands, without an end mark.
    pub fn endless_tar(self) -> Vec<u8> {
        self.0
    }
}

/// One record, whose length counts itself.
pub fn pax_record(keyword: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", keyword.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    [length.to_string().as_bytes(), &rest].concat()
}

pub fn pax_records(records: &[(&str, &[u8])]) -> Vec<u8> {
    records.iter().flat_map(|(keyword, value)| pax_record(keyword, value)).collect()
}

/// One gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    gzip_at(bytes, Compression::default())
}

/// One gzip member at a level from 0, stored, to 9.
pub fn gzip_at(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}
