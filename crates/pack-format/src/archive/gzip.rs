use std::io::{self, BufRead, ErrorKind, Read, Write};

use flate2::bufread::GzDecoder;

use super::ReadError;
use crate::{Limit, Limits};

/// How much is unpacked at a time, in bytes: what fits a core's cache.
const CHUNK: usize = 64 << 10;

/// What a gzip file yields, unpacked on demand.
///
/// The file is one member with a sound header and trailer, and nothing after it (RFC 1952, section 2.2, would allow
/// more, but not every reader reads on). The limits on bytes are checked with each chunk.
pub(super) struct Unpacked<'a, R> {
    decoder: GzDecoder<Source<R>>,
    chunk: Vec<u8>,
    /// How much of the chunk was passed on, in bytes.
    passed: usize,
    /// All that was yielded, with the chunk, in bytes.
    yielded: u64,
    ended: bool,
    limits: &'a Limits,
}

impl<'a, R: BufRead> Unpacked<'a, R> {
    /// Reads the gzip header; what is wrong with it is said by the first [`Unpacked::pass`].
    pub(super) fn new(archive: R, limits: &'a Limits) -> Self {
        let decoder = GzDecoder::new(Source { inner: archive, consumed: 0, failed: false });
        Self { decoder, chunk: Vec::new(), passed: 0, yielded: 0, ended: false, limits }
    }

    /// How much was passed on so far, in bytes.
    pub(super) fn position(&self) -> u64 {
        self.yielded - (self.chunk.len() - self.passed) as u64
    }

    /// Passes the next `length` bytes on. False if there are not so many; then all that there are were passed on.
    pub(super) fn pass(&mut self, length: u64, to: &mut impl Write) -> Result<bool, ReadError> {
        let mut left = length;
        while left > 0 {
            let unread = &self.chunk[self.passed..];
            if unread.is_empty() {
                if self.ended {
                    return Ok(false);
                }
                self.unpack_chunk()?;
                continue;
            }
            let now = &unread[..unread.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
            to.write_all(now).map_err(ReadError::Failed)?;
            self.passed += now.len();
            left -= now.len() as u64;
        }
        Ok(true)
    }

    fn unpack_chunk(&mut self) -> Result<(), ReadError> {
        self.chunk.resize(CHUNK, 0);
        let yielded = self.decoder.read(&mut self.chunk);
        self.chunk.truncate(*yielded.as_ref().unwrap_or(&0));
        self.passed = 0;
        self.yielded += self.chunk.len() as u64;
        self.check_limits()?;
        match yielded {
            Ok(0) => self.end(),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(self.damaged(error)),
        }
    }

    fn check_limits(&self) -> Result<(), ReadError> {
        let unpacked = self.yielded;
        let consumed = self.decoder.get_ref().consumed;
        let Limits { compressed_bytes, unpacked_bytes, compression_ratio, ratio_free_bytes, .. } = *self.limits;
        if consumed > compressed_bytes {
            return Err(ReadError::TooLarge(Limit::CompressedBytes(compressed_bytes)));
        }
        if unpacked > unpacked_bytes {
            return Err(ReadError::TooLarge(Limit::UnpackedBytes(unpacked_bytes)));
        }
        if unpacked > ratio_free_bytes && unpacked > consumed.saturating_mul(compression_ratio) {
            return Err(ReadError::TooLarge(Limit::CompressionRatio(compression_ratio)));
        }
        Ok(())
    }

    /// The member ended, and its trailer is right.
    fn end(&mut self) -> Result<(), ReadError> {
        self.ended = true;
        let end = self.decoder.get_ref().consumed;
        let rest = self.decoder.get_mut().fill_buf().map_err(ReadError::Failed)?;
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
        Err(ReadError::Lost(format!(
            "the gzip stream ends at byte {end} of the upload, and {what}; upload one .tar.gz with nothing after it"
        )))
    }

    /// What an error of the decoder means, unless it is the source's own.
    fn damaged(&self, error: io::Error) -> ReadError {
        let unpacked = self.yielded;
        if self.decoder.get_ref().failed {
            return ReadError::Failed(error);
        }
        ReadError::Lost(if self.decoder.header().is_none() {
            format!("is not gzip ({error}): a pack is uploaded as .tar.gz, as `tar -czf pack.tar.gz` writes it")
        } else if error.kind() == ErrorKind::UnexpectedEof {
            format!("the gzip stream is cut off after {unpacked} unpacked bytes; upload the whole file")
        } else {
            format!("the gzip stream is damaged after {unpacked} unpacked bytes ({error}); pack it again")
        })
    }
}

/// How every gzip member begins (RFC 1952, section 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The compressed bytes: counts what is consumed of them, and knows whether reading them failed.
struct Source<R> {
    inner: R,
    consumed: u64,
    failed: bool,
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Self { inner, failed, .. } = self;
        inner.fill_buf().inspect_err(|error| *failed = error.kind() != ErrorKind::Interrupted)
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed += bytes as u64;
        self.inner.consume(bytes);
    }
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
