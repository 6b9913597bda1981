use std::{
    io::{self, Read as _, Write as _},
    ops::Range,
};

use flate2::{Compression, Crc, read::GzDecoder, write::DeflateEncoder};
use test_support::generated;

/// The header of a gzip member without optional fields (RFC 1952, section 2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The size of `pack.yaml` in the tar, in bytes: a header and one block of content.
const MANIFEST_SIZE: usize = 1_024;

/// Generates archives of the `small` pack that differ only in version. This takes almost no CPU time: `pack.yaml` comes
/// first, in a stored deflate block (RFC 1951, section 3.2.4), so its version can be replaced without recompressing.
pub(crate) struct Versions {
    archive: Vec<u8>,
    /// The range of `pack.yaml` and its header in the archive.
    manifest: Range<usize>,
    /// The range of the version in the archive.
    version: Range<usize>,
    /// The CRC-32 of the tar after `pack.yaml`.
    rest: Crc,
}

impl Versions {
    pub(crate) fn new() -> io::Result<Self> {
        let version = version(0);
        let mut tar = Vec::new();
        GzDecoder::new(&generated::small(&version)[..]).read_to_end(&mut tar)?;
        let (manifest, rest) = tar.split_at(MANIFEST_SIZE);

        let length = (MANIFEST_SIZE as u16).to_le_bytes();
        let stored = [&[0], &length[..], &length.map(|byte| !byte)].concat();
        let start = GZIP_HEADER.len() + stored.len();
        let mut deflate = DeflateEncoder::new([&GZIP_HEADER, &stored[..], manifest].concat(), Compression::default());
        deflate.write_all(rest)?;
        let mut archive = deflate.finish()?;
        archive.extend([0; 4]);
        archive.extend((tar.len() as u32).to_le_bytes());

        let offset = manifest.windows(version.len()).position(|window| window == version.as_bytes());
        let offset = start + offset.ok_or(io::ErrorKind::NotFound)?;
        let mut crc = Crc::new();
        crc.update(rest);
        Ok(Self { archive, manifest: start..start + MANIFEST_SIZE, version: offset..offset + version.len(), rest: crc })
    }

    /// Returns the archive of the version with this number.
    pub(crate) fn archive(&self, number: usize) -> Vec<u8> {
        let mut archive = self.archive.clone();
        archive[self.version.clone()].copy_from_slice(version(number).as_bytes());
        let mut crc = Crc::new();
        crc.update(&archive[self.manifest.clone()]);
        crc.combine(&self.rest);
        let trailer = archive.len() - 8;
        archive[trailer..trailer + 4].copy_from_slice(&crc.sum().to_le_bytes());
        archive
    }
}

/// Returns a version whose length does not depend on the number.
fn version(number: usize) -> String {
    format!("1.0.0-build{number:07}")
}
