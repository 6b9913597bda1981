use std::io::{self, BufWriter, ErrorKind, Read, Seek, Write};

use bytes::Bytes;
use futures_util::{Stream, stream};
use oci_client::errors::OciDistributionError;
use pack_format::{Tree, image::write_layer};
use tokio::{
    sync::mpsc::{self, Sender},
    task::spawn_blocking,
};

/// The size of a chunk of the layer, in bytes.
const CHUNK: usize = 128 << 10;

/// How many chunks may wait to be sent.
const WAITING_CHUNKS: usize = 4;

/// Streams a pack's layer. A blocking thread writes the layer as fast as the stream is read, and stops when the stream
/// is dropped.
pub(super) fn layer(
    tree: Tree,
    mut contents: impl Read + Seek + Send + 'static,
) -> impl Stream<Item = Result<Bytes, OciDistributionError>> {
    let (sender, mut receiver) = mpsc::channel(WAITING_CHUNKS);
    spawn_blocking(move || {
        let mut layer = BufWriter::with_capacity(CHUNK, ChannelWriter(&sender));
        if let Err(error) = write_layer(&tree, &mut contents, &mut layer).and_then(|()| layer.flush()) {
            // Sending fails only if the stream was dropped, and the error is then irrelevant.
            let _ = sender.blocking_send(Err(error.into()));
        }
    });
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

/// A writer that sends its data as chunks of a stream.
struct ChannelWriter<'a>(&'a Sender<Result<Bytes, OciDistributionError>>);

impl Write for ChannelWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = Bytes::copy_from_slice(bytes);
        self.0.blocking_send(Ok(chunk)).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
