use std::{
    io::{self, BufRead, ErrorKind, Read, Write},
    ops::Range,
};

use flate2::bufread::GzDecoder;

use super::{ReadError, format};
use crate::{Limit, LimitName, Limits};

/// The maximum number of bytes to unpack at a time. It is small enough to fit in a CPU core's cache.
const CHUNK: usize = 64 << 10;

/// The first two bytes of every gzip member (RFC 1952, section 2.3.1).
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A reader that unpacks a gzip file in chunks. After each chunk, it checks the limits on compressed bytes, unpacked
/// bytes and their ratio.
///
/// The file must consist of one valid member. RFC 1952, section 2.2, allows several members, but some readers read only
/// the first. Zeros may follow the member: bsdtar pads with zeros when it writes a compressed archive to a pipe, and
/// gzip ignores the zeros.
pub(super) struct GzipReader<'a, R> {
    decoder: GzDecoder<CountingReader<R>>,
    chunk: Box<[u8]>,
    /// The part of `chunk` that was unpacked but not yet consumed.
    unread: Range<usize>,
    /// The number of bytes unpacked so far, including those in `unread`.
    unpacked: u64,
    is_at_end: bool,
    limits: &'a Limits,
}

impl<'a, R: BufRead> GzipReader<'a, R> {
    /// Creates a reader and parses the gzip header. If the header is invalid, the first read returns the error.
    pub(super) fn new(archive: R, limits: &'a Limits) -> Self {
        let decoder =
            GzDecoder::new(CountingReader { inner: archive, head: Vec::new(), consumed: 0, has_failed: false });
        Self { decoder, chunk: vec![0; CHUNK].into_boxed_slice(), unread: 0..0, unpacked: 0, is_at_end: false, limits }
    }

    /// Returns the number of unpacked bytes consumed so far.
    pub(super) fn position(&self) -> u64 {
        self.unpacked - self.unread.len() as u64
    }

    /// Returns the next unpacked bytes without consuming them, or an empty slice at the end of the file.
    pub(super) fn peek(&mut self) -> Result<&[u8], ReadError> {
        while self.unread.is_empty() && !self.is_at_end {
            self.unpack_chunk()?;
        }
        Ok(&self.chunk[self.unread.clone()])
    }

    /// Writes the next `length` unpacked bytes to `to`. If fewer remain, writes those and returns `false`.
    pub(super) fn copy(&mut self, length: u64, to: &mut impl Write) -> Result<bool, ReadError> {
        let mut left = length;
        while left > 0 {
            let unread = self.peek()?;
            let now = &unread[..unread.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
            if now.is_empty() {
                return Ok(false);
            }
            to.write_all(now).map_err(ReadError::Io)?;
            let copied = now.len();
            self.unread.start += copied;
            left -= copied as u64;
        }
        Ok(true)
    }

    fn unpack_chunk(&mut self) -> Result<(), ReadError> {
        let read = self.decoder.read(&mut self.chunk);
        self.unread = 0..*read.as_ref().unwrap_or(&0);
        self.unpacked += self.unread.len() as u64;
        self.check_limits().map_err(ReadError::TooLarge)?;
        match read {
            Ok(0) => self.end(),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(self.describe(error)),
        }
    }

    fn check_limits(&self) -> Result<(), Limit> {
        let unpacked = self.unpacked;
        let consumed = self.decoder.get_ref().consumed;
        let limits = self.limits;
        if consumed > limits.compressed_bytes {
            return Err(limits.limit(LimitName::CompressedBytes));
        }
        if unpacked > limits.unpacked_bytes {
            return Err(limits.limit(LimitName::UnpackedBytes));
        }
        if unpacked > limits.ratio_free_bytes && unpacked > consumed.saturating_mul(limits.compression_ratio) {
            return Err(limits.limit(LimitName::CompressionRatio));
        }
        Ok(())
    }

    /// Checks that only zeros follow the member. The decoder has already verified the member's trailer.
    fn end(&mut self) -> Result<(), ReadError> {
        self.is_at_end = true;
        let end = self.decoder.get_ref().consumed;
        loop {
            let rest = match self.decoder.get_mut().fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(ReadError::Io(error)),
                Ok([]) => return Ok(()),
                Ok(rest) => rest,
            };
            if rest.iter().any(|byte| *byte != 0) {
                let what = if rest.starts_with(&MAGIC) {
                    "another gzip member follows; upload a single gzip member"
                } else {
                    "other data follows; upload the archive with nothing after it"
                };
                return Err(ReadError::in_stream(format_args!(
                    "the gzip stream ends at byte {end} of the upload, but {what}"
                )));
            }
            let zeros = rest.len();
            self.decoder.get_mut().consume(zeros);
            self.check_limits().map_err(ReadError::TooLarge)?;
        }
    }

    /// Converts a decoder error into a problem with the archive. An error from the underlying reader remains an I/O
    /// error.
    fn describe(&self, error: io::Error) -> ReadError {
        let unpacked = self.unpacked;
        if self.decoder.get_ref().has_failed {
            return ReadError::Io(error);
        }
        ReadError::in_stream(if self.decoder.header().is_none() {
            let explanation = format::explain_upload(&self.decoder.get_ref().head);
            explanation.unwrap_or_else(|| format!("is not a gzip file ({error}); {}", format::CREATE))
        } else if error.kind() == ErrorKind::UnexpectedEof {
            format!("the gzip stream is truncated after {unpacked} unpacked bytes; upload the complete file")
        } else {
            format!("the gzip stream is damaged after {unpacked} unpacked bytes ({error}); create the archive again")
        })
    }
}

/// A reader of compressed bytes that counts the bytes consumed, keeps a copy of the first ones, and records read
/// failures.
struct CountingReader<R> {
    inner: R,
    /// The first bytes, at most [`format::HEAD`].
    head: Vec<u8>,
    consumed: u64,
    has_failed: bool,
}

impl<R: BufRead> BufRead for CountingReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Self { inner, head, has_failed, .. } = self;
        let buffer = inner.fill_buf().inspect_err(|error| *has_failed = error.kind() != ErrorKind::Interrupted)?;
        if head.is_empty() {
            head.extend_from_slice(&buffer[..buffer.len().min(format::HEAD)]);
        }
        Ok(buffer)
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed += bytes as u64;
        self.inner.consume(bytes);
    }
}

impl<R: BufRead> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
