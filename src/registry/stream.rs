//! Writes a pack's layer on a blocking thread.

use std::{
    io::{self, BufWriter, ErrorKind, Read, Seek, Write},
    panic::resume_unwind,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use pack_format::{Digest, Tree, image::write_layer};
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::mpsc::{self, Sender},
    task::spawn_blocking,
};

/// The size of a chunk of the layer, in bytes.
const CHUNK: usize = 128 << 10;

/// How many chunks may wait to be sent.
const WAITING_CHUNKS: usize = 4;

/// Streams a pack's layer, and hashes it at the same time. The layer is written as fast as the stream is read, and
/// writing stops with an error when the stream is dropped. The future returns the layer's digest.
pub(super) fn stream_layer(
    tree: Tree,
    contents: impl Read + Seek + Send + 'static,
) -> (impl Stream<Item = io::Result<Bytes>>, impl Future<Output = io::Result<Digest>>) {
    let (sender, mut receiver) = mpsc::channel(WAITING_CHUNKS);
    let hash = write(tree, contents, Some(sender));
    (stream::poll_fn(move |context| receiver.poll_recv(context)), hash)
}

/// Returns the digest of a pack's layer.
pub(super) async fn hash_layer(tree: Tree, contents: impl Read + Seek + Send + 'static) -> io::Result<Digest> {
    write(tree, contents, None).await
}

/// Starts writing a layer, and sends it in chunks to `sender`, if any. The future returns the layer's digest.
fn write(
    tree: Tree,
    mut contents: impl Read + Seek + Send + 'static,
    sender: Option<Sender<io::Result<Bytes>>>,
) -> impl Future<Output = io::Result<Digest>> {
    let writing = spawn_blocking(move || {
        let mut layer = BufWriter::with_capacity(CHUNK, LayerWriter { hasher: Sha256::new(), sender });
        let written = write_layer(&tree, &mut contents, &mut layer).and_then(|()| layer.flush());
        let (LayerWriter { hasher, sender }, _) = layer.into_parts();
        if let (Err(error), Some(sender)) = (&written, sender) {
            // Sending fails only if the stream was dropped. The error is then irrelevant.
            let _ = sender.blocking_send(Err(error.kind().into()));
        }
        written.map(|()| Digest::from(hasher))
    });
    async { writing.await.unwrap_or_else(|error| resume_unwind(error.into_panic())) }
}

/// A writer that hashes its data, and sends it as chunks of a stream if there is one.
struct LayerWriter {
    hasher: Sha256,
    sender: Option<Sender<io::Result<Bytes>>>,
}

impl Write for LayerWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        if let Some(sender) = &self.sender {
            let chunk = Ok(Bytes::copy_from_slice(bytes));
            sender.blocking_send(chunk).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
