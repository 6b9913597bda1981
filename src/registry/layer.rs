//! Writes and hashes a layer on a blocking thread while it is sent.

use std::{
    io::{self, ErrorKind, Write},
    mem,
    panic::resume_unwind,
};

use bytes::{BufMut, Bytes, BytesMut};
use pack_format::Digest;
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::{JoinHandle, spawn_blocking},
};

/// The maximum size of a chunk of a layer, in bytes.
const CHUNK: usize = 128 << 10;

/// How many chunks of a layer may wait to be sent. A layer that is written before its upload session is open can get
/// this far ahead.
const WAITING_CHUNKS: usize = 32;

/// A layer that is being written. After this is dropped, the next write of a chunk fails.
#[derive(Debug)]
pub struct Layer<E> {
    /// At most as many bytes as the layer should have. The last item may be an error.
    chunks: Receiver<io::Result<Bytes>>,
    writing: JoinHandle<Result<Digest, WriteError<E>>>,
}

/// Why a layer was not written completely.
#[derive(Debug)]
pub(super) enum WriteError<E> {
    /// The receiver of the chunks was dropped.
    Stopped,
    Failed(E),
}

impl<E: From<io::Error> + Send + 'static> Layer<E> {
    /// Starts writing a layer, which should have `size` bytes, with `write` on a blocking thread.
    pub fn write(size: u64, write: impl FnOnce(&mut LayerWriter) -> Result<(), E> + Send + 'static) -> Self {
        let (sender, chunks) = mpsc::channel(WAITING_CHUNKS);
        let writing = spawn_blocking(move || {
            let chunk = BytesMut::with_capacity(CHUNK);
            let mut writer = LayerWriter { chunk, hasher: Sha256::new(), left: size, sender, is_stopped: false };
            let written = write(&mut writer).and_then(|()| Ok(writer.flush()?));
            match written {
                _ if writer.is_stopped => Err(WriteError::Stopped),
                Ok(()) => Ok(Digest::from(writer.hasher)),
                Err(error) => {
                    // Without this error, the layer would seem to end here. Sending fails only if the receiver was
                    // dropped, and the error is then irrelevant.
                    let _ = writer.sender.blocking_send(Err(ErrorKind::Other.into()));
                    Err(WriteError::Failed(error))
                }
            }
        });
        Self { chunks, writing }
    }
}

impl<E> Layer<E> {
    /// Returns the chunks, and the digest of everything that was written, including what was not sent.
    pub(super) fn split(self) -> (Receiver<io::Result<Bytes>>, impl Future<Output = Result<Digest, WriteError<E>>>) {
        let Self { chunks, writing } = self;
        (chunks, async { writing.await.unwrap_or_else(|error| resume_unwind(error.into_panic())) })
    }
}

/// A writer that hashes its data and sends it in chunks. After the receiver of the chunks is dropped, sending the next
/// chunk fails.
pub struct LayerWriter {
    chunk: BytesMut,
    hasher: Sha256,
    /// How many more bytes the layer should have. Bytes beyond that are hashed, but not sent.
    left: u64,
    sender: Sender<io::Result<Bytes>>,
    is_stopped: bool,
}

impl Write for LayerWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        let bytes = &bytes[..bytes.len().min(CHUNK - self.chunk.len())];
        self.chunk.put_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut chunk = mem::replace(&mut self.chunk, BytesMut::with_capacity(CHUNK));
        self.hasher.update(&chunk);
        chunk.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= chunk.len() as u64;
        if !chunk.is_empty() && self.sender.blocking_send(Ok(chunk.freeze())).is_err() {
            self.is_stopped = true;
            return Err(ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}
