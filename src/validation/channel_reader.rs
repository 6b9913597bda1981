use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use pack_format::Digest;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::Receiver;

/// A blocking reader for chunks that another task sends. It reaches end of file when the sender is dropped.
pub(super) struct ChannelReader {
    receiver: Receiver<io::Result<Bytes>>,
    chunk: Bytes,
    hash: Sha256,
}

impl ChannelReader {
    pub(super) fn new(receiver: Receiver<io::Result<Bytes>>) -> Self {
        Self { receiver, chunk: Bytes::new(), hash: Sha256::new() }
    }

    /// Returns the SHA-256 of all chunks received.
    pub(super) fn sha256(self) -> Digest {
        Digest::from(self.hash)
    }
}

impl BufRead for ChannelReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => {
                    self.chunk = chunk?;
                    self.hash.update(&self.chunk);
                }
                None => break,
            }
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, bytes: usize) {
        self.chunk.advance(bytes);
    }
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
