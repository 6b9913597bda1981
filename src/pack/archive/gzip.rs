use std::io::{self, BufRead, ErrorKind, Read};

use bytes::Bytes;
use flate2::bufread::GzDecoder;

use super::Stop;
use crate::pack::{Limit, Limits};

/// How much is unpacked at a time, in bytes: as much as there is already, so that a small pack costs little, up to what
/// fits a core's cache.
const CHUNK: std::ops::RangeInclusive<usize> = 16 << 10..=128 << 10;

/// What a gzip file yields, unpacked on demand into one growing buffer.
///
/// The file is one member with a sound header and trailer, and nothing after it (RFC 1952, section 2.2, would allow
/// more, but not every reader reads on). The limits on bytes are checked with each chunk.
pub(super) struct Unpacked<'a, R> {
    decoder: GzDecoder<Counted<R>>,
    bytes: Vec<u8>,
    ended: bool,
    limits: &'a Limits,
}

impl<'a, R: BufRead> Unpacked<'a, R> {
    /// Reads the gzip header; what is wrong with it is said by the first [`Unpacked::fill`].
    pub(super) fn new(archive: R, limits: &'a Limits) -> Self {
        let decoder = GzDecoder::new(Counted { inner: archive, consumed: 0 });
        Self { decoder, bytes: Vec::new(), ended: false, limits }
    }

    /// Unpacks until at least `end` bytes are there. False if there are not so many.
    pub(super) fn fill(&mut self, end: usize) -> Result<bool, Stop> {
        while self.bytes.len() < end && !self.ended {
            self.unpack_chunk()?;
        }
        Ok(self.bytes.len() >= end)
    }

    /// All that has been unpacked so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All that has been unpacked, not copied.
    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from(self.bytes)
    }

    fn unpack_chunk(&mut self) -> Result<(), Stop> {
        let start = self.bytes.len();
        self.bytes.resize(start + start.clamp(*CHUNK.start(), *CHUNK.end()), 0);
        let yielded = self.decoder.read(&mut self.bytes[start..]);
        self.bytes.truncate(start + *yielded.as_ref().unwrap_or(&0));
        self.check_limits()?;
        match yielded {
            Ok(0) => self.end(),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(self.damaged(&error)),
        }
    }

    fn check_limits(&self) -> Result<(), Stop> {
        let unpacked = self.bytes.len() as u64;
        let consumed = self.decoder.get_ref().consumed;
        let Limits { compressed_bytes, unpacked_bytes, compression_ratio, ratio_free_bytes, .. } = *self.limits;
        if consumed > compressed_bytes {
            return Err(Stop::TooLarge(Limit::CompressedBytes(compressed_bytes)));
        }
        if unpacked > unpacked_bytes {
            return Err(Stop::TooLarge(Limit::UnpackedBytes(unpacked_bytes)));
        }
        if unpacked > ratio_free_bytes && unpacked > consumed.saturating_mul(compression_ratio) {
            return Err(Stop::TooLarge(Limit::CompressionRatio(compression_ratio)));
        }
        Ok(())
    }

    /// The member ended, and its trailer is right.
    fn end(&mut self) -> Result<(), Stop> {
        self.ended = true;
        let end = self.decoder.get_ref().consumed;
        let rest = self.decoder.get_mut().fill_buf().map_err(|error| unreadable(&error))?;
        if rest.is_empty() {
            return Ok(());
        }
        let what = if rest.starts_with(&MAGIC) {
            "another gzip member follows"
        } else if rest.iter().all(|byte| *byte == 0) {
            "zeros follow, as bsdtar adds them to what it compresses into a pipe (let gzip compress: `tar -cf - . | gzip`)"
        } else {
            "bytes follow that are not part of it"
        };
        Err(Stop::Lost(format!(
            "the gzip stream ends at byte {end} of the upload, and {what}; upload one .tar.gz with nothing after it"
        )))
    }

    fn damaged(&self, error: &io::Error) -> Stop {
        let unpacked = self.bytes.len();
        Stop::Lost(match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData
                if self.decoder.header().is_none() =>
            {
                format!("is not gzip ({error}): a pack is uploaded as .tar.gz, as `tar -czf pack.tar.gz` writes it")
            }
            ErrorKind::UnexpectedEof => {
                format!("the gzip stream is cut off after {unpacked} unpacked bytes; upload the whole file")
            }
            ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                format!("the gzip stream is damaged after {unpacked} unpacked bytes ({error}); pack it again")
            }
            _ => return unreadable(error),
        })
    }
}

/// How every gzip member begins (RFC 1952, section 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

fn unreadable(error: &io::Error) -> Stop {
    Stop::Lost(format!("could not be read: {error}"))
}

/// Counts what is consumed of the compressed bytes.
struct Counted<R> {
    inner: R,
    consumed: u64,
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed += bytes as u64;
        self.inner.consume(bytes);
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
