//! What is done with an archive: the least that must be, and what the service does. Everything the benchmarks know of
//! how a pack is validated is here.

use std::io::{Cursor, Read as _};

use flate2::bufread::GzDecoder;
use pack_format::{self, Limits, Pack, image::Image};
use sha2::{Digest as _, Sha256};

/// How much is inflated at a time, in bytes: what fits a core's first cache twice.
const CHUNK: usize = 16 << 10;

/// The floor: the archive inflated into nothing, once, and the SHA-256 of what came and of what came out, once.
pub(crate) fn floor(archive: &[u8]) -> [[u8; 32]; 2] {
    let mut inflated = Sha256::new();
    let mut decoder = GzDecoder::new(archive);
    let mut chunk = [0; CHUNK];
    loop {
        match decoder.read(&mut chunk).expect("the archive is good") {
            0 => return [Sha256::digest(archive).into(), inflated.finalize().into()],
            length => inflated.update(&chunk[..length]),
        }
    }
}

/// A validated pack: its files, and where their contents are, which the service keeps in memory, too, while they are few.
pub(crate) struct Validated {
    pack: Pack,
    contents: Cursor<Vec<u8>>,
}

/// Reads and validates an archive.
pub(crate) fn validate(archive: &[u8], limits: &Limits) -> Validated {
    let mut contents = Cursor::default();
    let pack = pack_format::validate(archive, limits, &mut contents).expect("the pack is good");
    Validated { pack, contents }
}

impl Validated {
    /// Computes its image.
    pub(crate) fn image(&mut self) -> Image {
        Image::new(&self.pack.tree, &mut self.contents).expect("the contents are there")
    }
}
