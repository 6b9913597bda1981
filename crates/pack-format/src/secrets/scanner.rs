use std::{
    io::{self, Write},
    mem,
};

use super::{
    MAX_SECRETS, SecretKind,
    patterns::{self, LONGEST},
};

/// A writer that passes one file's content on to another writer and finds the secrets in it, even if a secret spans
/// several writes.
///
/// Searches written bytes in place. Copies only the bytes around the end of a write, because a secret that starts there
/// may continue in the next write.
pub(crate) struct SecretScanner<W> {
    to: W,
    /// The number of bytes still to be written.
    left: u64,
    /// The last bytes written, at most [`LONGEST`]. They have not been searched for the start of a secret yet.
    held: Vec<u8>,
    /// The number of bytes searched for the start of a secret.
    searched: u64,
    found: Vec<(SecretKind, u64)>,
}

impl<W> SecretScanner<W> {
    /// Returns a scanner for a file of `size` bytes.
    pub(crate) fn new(to: W, size: u64) -> Self {
        Self { to, left: size, held: Vec::new(), searched: 0, found: Vec::new() }
    }

    /// Returns the kind of each secret and its offset in the file, in bytes. Returns at most [`MAX_SECRETS`] secrets.
    pub(crate) fn finish(self) -> Vec<(SecretKind, u64)> {
        self.found
    }

    fn scan(&mut self, bytes: &[u8]) {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        if self.held.is_empty() {
            return self.search_all(bytes);
        }
        let mut joined = mem::take(&mut self.held);
        let held = joined.len();
        joined.extend_from_slice(&bytes[..bytes.len().min(LONGEST)]);
        if bytes.len() < LONGEST {
            self.search_all(&joined);
        } else {
            self.search(&joined, held);
            self.search_all(bytes);
        }
    }

    /// Finds the secrets in `bytes`. Unless the file ends there, holds back the last bytes, because a secret that
    /// starts in them may continue in the next write.
    fn search_all(&mut self, bytes: &[u8]) {
        let end = if self.left == 0 { bytes.len() } else { bytes.len().saturating_sub(LONGEST) };
        self.search(bytes, end);
        self.held.extend_from_slice(&bytes[end..]);
    }

    /// Finds the secrets in `bytes` that start before `end`.
    fn search(&mut self, bytes: &[u8], end: usize) {
        for (start, kind) in patterns::find(bytes) {
            if start >= end || self.found.len() == MAX_SECRETS {
                break;
            }
            self.found.push((kind, self.searched + start as u64));
        }
        self.searched += end as u64;
    }
}

impl<W: Write> Write for SecretScanner<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.scan(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
