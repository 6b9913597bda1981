use std::{
    io::{self, Read as _, Write as _},
    ops::Range,
};

use flate2::{Compression, Crc, read::GzDecoder, write::DeflateEncoder};
use test_support::generated;

/// The header of a gzip member without optional fields (RFC 1952, section 2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The size of the end of the tar, in bytes: the header of `pack.yaml`, one block of its content, and the end-of-archive
/// marker.
const END_SIZE: usize = 2_048;

/// Generates archives of the `small` pack that differ only in version. This takes almost no CPU time: `pack.yaml` comes
/// last, in a stored deflate block (RFC 1951, section 3.2.4), so its version can be replaced without recompressing.
pub(crate) struct Versions {
    archive: Vec<u8>,
    /// The range of the stored end of the tar in the archive.
    end: Range<usize>,
    /// The range of the version in the archive.
    version: Range<usize>,
    /// The CRC-32 of the tar before the stored end.
    files: Crc,
}

impl Versions {
    pub(crate) fn new() -> io::Result<Self> {
        let version = version(0);
        let mut tar = Vec::new();
        GzDecoder::new(&generated::small(&version)[..]).read_to_end(&mut tar)?;
        let (files, end) = tar.split_at(tar.len() - END_SIZE);

        let mut deflate = DeflateEncoder::new(GZIP_HEADER.to_vec(), Compression::default());
        deflate.write_all(files)?;
        // End the compressed blocks at a byte. The stored block is the last one.
        deflate.flush()?;
        let mut archive = deflate.get_ref().clone();
        let length = (END_SIZE as u16).to_le_bytes();
        archive.extend([&[1], &length[..], &length.map(|byte| !byte), end].concat());
        let start = archive.len() - END_SIZE;
        archive.extend([0; 4]);
        archive.extend((tar.len() as u32).to_le_bytes());

        let offset = end.windows(version.len()).position(|window| window == version.as_bytes());
        let offset = start + offset.ok_or(io::ErrorKind::NotFound)?;
        let mut crc = Crc::new();
        crc.update(files);
        Ok(Self { archive, end: start..start + END_SIZE, version: offset..offset + version.len(), files: crc })
    }

    /// Returns the archive of the version with this number.
    pub(crate) fn archive(&self, number: usize) -> Vec<u8> {
        let mut archive = self.archive.clone();
        archive[self.version.clone()].copy_from_slice(version(number).as_bytes());
        let (mut crc, mut end) = (Crc::new(), Crc::new());
        end.update(&archive[self.end.clone()]);
        crc.combine(&self.files);
        crc.combine(&end);
        let trailer = archive.len() - 8;
        archive[trailer..trailer + 4].copy_from_slice(&crc.sum().to_le_bytes());
        archive
    }
}

/// Returns a version whose length does not depend on the number.
fn version(number: usize) -> String {
    format!("1.0.0-build{number:07}")
}
