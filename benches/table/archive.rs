//! The minimum work on one archive (the *floor*), and the work that the service does.

use std::io::Read as _;

use flate2::bufread::GzDecoder;
use pack_format::Limits;
use sha2::{Digest as _, Sha256};
use test_support::validation::{ValidatedPack, validate_within};

/// The number of bytes to decompress at a time: few enough to be hashed while they are in the L1 cache.
const CHUNK: usize = 16 << 10;

/// Does the minimum work: decompresses the archive once, hashes the archive and the tar, and discards the tar. Returns
/// both hashes (SHA-256).
pub(crate) fn floor(archive: &[u8]) -> [[u8; 32]; 2] {
    let mut tar = Sha256::new();
    let mut decoder = GzDecoder::new(archive);
    let mut chunk = [0; CHUNK];
    loop {
        match decoder.read(&mut chunk).expect("the archive is valid") {
            0 => return [Sha256::digest(archive).into(), tar.finalize().into()],
            length => tar.update(&chunk[..length]),
        }
    }
}

/// Validates an archive, and keeps the contents of its files in memory, as the service does with contents of up to 32
/// MiB.
pub(crate) fn validate(archive: &[u8], limits: &Limits) -> ValidatedPack {
    validate_within(archive, limits).expect("the archive is valid")
}
