use std::{
    io::{self, Read as _, Write as _},
    ops::Range,
};

use flate2::{Compression, Crc, read::GzDecoder, write::DeflateEncoder};
use test_support::generated;

/// A gzip file's first bytes, with nothing but what must be (RFC 1952, section 2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// A tar's header and the block of content after it: those of `pack.yaml`.
const MANIFEST: usize = 1_024;

/// The `small` pack in as many versions as are wanted, at next to no cost each: its `pack.yaml` lies in the archive as it
/// is, in a stored block of deflate (RFC 1951, section 3.2.4), before all that is compressed.
pub(crate) struct Versions {
    archive: Vec<u8>,
    /// Where `pack.yaml` and its header lie in the archive.
    manifest: Range<usize>,
    /// Where its version lies.
    version: Range<usize>,
    /// The checksum of all that comes after it.
    rest: Crc,
}

impl Versions {
    pub(crate) fn new() -> io::Result<Self> {
        let version = version(0);
        let mut tar = Vec::new();
        GzDecoder::new(&generated::small(&version)[..]).read_to_end(&mut tar)?;
        let (manifest, rest) = tar.split_at(MANIFEST);

        let length = (MANIFEST as u16).to_le_bytes();
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
        Ok(Self { archive, manifest: start..start + MANIFEST, version: offset..offset + version.len(), rest: crc })
    }

    /// The archive of one version.
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

/// A version, as long as any other.
fn version(number: usize) -> String {
    format!("1.0.0-build{number:07}")
}
