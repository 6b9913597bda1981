//! Builds valid and malformed tar archives.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

pub use crate::header::{
    BLOCK, CHECKSUM, DEV_MAJOR, DEV_MINOR, GID, Header, LINK_NAME, MAGIC_AND_VERSION, MODE, MTIME, NAME, PREFIX, SIZE,
    STAR_ATIME, STAR_CTIME, STAR_TRAILER, TYPEFLAG, UID, repair_checksum,
};
use crate::{
    listing::Listing,
    manifest::{MANIFEST, manifest},
};

/// A builder that writes a tar archive to memory or to any other [`Write`].
///
/// # Panics
/// Every method that writes panics if the writer fails.
#[derive(Debug, Clone, Default)]
pub struct Archive<W = Vec<u8>> {
    writer: W,
    position: usize,
}

impl Archive {
    /// Starts an empty archive in memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts an archive with the minimal `pack.yaml`. The file occupies one block for the header and one for its
    /// content, so the next entry is at byte 1024.
    pub fn pack() -> Self {
        Self::new().file("pack.yaml", MANIFEST)
    }

    /// Starts an archive with a minimal `pack.yaml` for this name and version.
    pub fn pack_named(name: &str, version: &str) -> Self {
        Self::new().file("pack.yaml", manifest(name, version))
    }

    /// Returns the tar with its end-of-archive marker: two blocks of zeros.
    pub fn tar(self) -> Vec<u8> {
        self.finish()
    }

    /// Returns the tar without an end-of-archive marker.
    pub fn without_end_marker(self) -> Vec<u8> {
        self.writer
    }

    /// Returns the tar with its end-of-archive marker, as one gzip member.
    pub fn tar_gz(self) -> Vec<u8> {
        gzip(&self.tar())
    }
}

impl<W: Write> Archive<W> {
    /// Starts an empty archive that writes to `writer`.
    pub fn with_writer(writer: W) -> Self {
        Self { writer, position: 0 }
    }

    /// Adds a regular file with mode 0644. Like `executable`, `directory` and `symlink`, this writes a name longer than
    /// 100 bytes into a PAX record.
    pub fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.ustar(name, content, |header| header)
    }

    /// Adds a regular file with mode 0755.
    pub fn executable(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.ustar(name, content, |header| header.mode(0o755))
    }

    /// Adds a directory with mode 0755.
    pub fn directory(self, name: impl AsRef<[u8]>) -> Self {
        self.ustar(name, b"", |header| header.typeflag(b'5').mode(0o755))
    }

    /// Adds a symbolic link with mode 0777.
    pub fn symlink(self, name: impl AsRef<[u8]>, target: &str) -> Self {
        self.ustar(name, b"", |header| header.typeflag(b'2').mode(0o777).field(LINK_NAME, target))
    }

    /// Adds files in the given order. A path that ends with `/` is a directory.
    pub fn files(self, files: &[(impl AsRef<str>, impl AsRef<[u8]>)]) -> Self {
        files.iter().fold(self, |archive, (path, content)| match path.as_ref() {
            directory if directory.ends_with('/') => archive.directory(directory),
            path => archive.file(path, content),
        })
    }

    /// Adds everything in a listing, sorted by path.
    pub fn listing(self, listing: &Listing) -> Self {
        listing.iter().fold(self, |archive, (path, file)| match file {
            Some((true, content)) => archive.executable(path, content),
            Some((false, content)) => archive.file(path, content),
            None => archive.directory(path),
        })
    }

    fn ustar(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>, change: impl FnOnce(Header) -> Header) -> Self {
        let name = name.as_ref();
        if name.len() <= NAME.len() {
            self.entry(change(Header::ustar(name)), content)
        } else {
            self.pax(&[("path", name)]).entry(change(Header::ustar("long-name")), content)
        }
    }

    /// Sets the size in a header, and adds the header and the content, padded to full blocks.
    pub fn entry(self, header: Header, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        self.header(header.size(content.len())).data(content)
    }

    pub fn header(self, header: Header) -> Self {
        self.raw(&header.into_block())
    }

    /// Adds bytes, padded with NULs to a multiple of the block size.
    pub fn data(self, content: &[u8]) -> Self {
        let padded = content.len().next_multiple_of(BLOCK);
        self.raw(content).raw(&vec![0; padded - content.len()])
    }

    /// Adds bytes without padding.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.writer.write_all(bytes).expect("the writer accepts all bytes");
        self.position += bytes.len();
        self
    }

    /// Adds a PAX extended header for the next entry.
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.extension(b'x', &pax_records(records))
    }

    pub fn extension(self, typeflag: u8, data: &[u8]) -> Self {
        self.entry(Header::ustar("PaxHeaders/extension").typeflag(typeflag), data)
    }

    /// Adds a GNU long name for the next entry.
    pub fn long_name(self, name: impl AsRef<[u8]>) -> Self {
        let data = [name.as_ref(), b"\0"].concat();
        self.entry(Header::gnu("././@LongLink").typeflag(b'L'), data)
    }

    /// Returns the position of the next entry in the tar, in bytes.
    pub fn position(&self) -> usize {
        self.position
    }

    pub fn writer(&self) -> &W {
        &self.writer
    }

    /// Writes the end-of-archive marker and returns the writer.
    pub fn finish(self) -> W {
        self.raw(&[0; 2 * BLOCK]).writer
    }
}

/// Returns a PAX record. The record starts with its own length, which includes the digits of the length.
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

/// Compresses bytes into one gzip member, at the default level.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    gzip_at(bytes, Compression::default())
}

/// Compresses bytes into one gzip member, at a level from 0 (stored) to 9.
pub fn gzip_at(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).expect("a Vec accepts all bytes");
    encoder.finish().expect("a Vec accepts all bytes")
}
