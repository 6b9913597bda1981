//! Validates archives while they are received.

mod channel_reader;

use std::{io, panic::resume_unwind, pin::pin, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use pack_format::{Digest, Limits, Pack, ValidationError, Visibility, image::Image};
use sha2::{Digest as _, Sha256};
use tempfile::{SpooledTempFile, spooled_tempfile};
use tokio::{sync::mpsc, task::spawn_blocking};

pub(crate) use self::channel_reader::ChannelReader;

/// The maximum size of a pack's contents in memory, in bytes. Larger contents are written to an unnamed file in the
/// system's temporary directory, and the file is deleted when it is closed.
const IN_MEMORY: usize = 32 << 20;

/// The minimum size of each chunk of an archive except the last, in bytes. Smaller chunks are combined, because passing
/// a chunk to another thread takes longer than decompressing a few kilobytes.
const CHUNK: usize = 128 << 10;

/// How many chunks of an archive may wait to be read.
const WAITING_CHUNKS: usize = 4;

/// The pack in a valid archive, and the pack's image.
#[derive(Debug)]
pub(crate) struct Validated {
    pub(crate) pack: Pack,
    pub(crate) image: Image,
    /// The size of the archive, in bytes.
    pub(crate) archive_size: u64,
    pub(crate) archive_sha256: Digest,
}

/// Validates an archive and computes its image on a blocking thread, while the archive is being received. If the future
/// is dropped, the thread stops after processing the chunks that were already received.
///
/// # Panics
/// Panics if the blocking thread panics, with the same payload.
pub(crate) async fn validate(
    archive: impl Stream<Item = io::Result<Bytes>>,
    limits: Arc<Limits>,
    visibility: Visibility,
) -> Result<Validated, ValidationError> {
    let (mut sha256, mut archive_size) = (Sha256::new(), 0);
    let archive = archive.inspect_ok(|chunk| {
        sha256.update(chunk);
        archive_size += chunk.len() as u64;
    });
    let (reader, receive) = channel(archive);
    let validate = spawn_blocking(move || -> Result<_, ValidationError> {
        let mut contents = contents();
        let pack = pack_format::validate(reader, &limits, visibility, &mut contents)?;
        let image = Image::new(&pack, &mut contents)?;
        Ok((pack, image))
    });
    // `archive_sha256` covers the whole archive, because the validator reads a valid archive to its end.
    receive.await;
    let (pack, image) = validate.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))?;
    Ok(Validated { pack, image, archive_size, archive_sha256: Digest::from(sha256) })
}

/// Splits an archive in memory into chunks, so that [`validate`] hashes each one while earlier ones are validated.
pub(crate) fn split(archive: Bytes) -> impl Stream<Item = io::Result<Bytes>> {
    let starts = (0..archive.len()).step_by(CHUNK);
    stream::iter(starts.map(move |start| Ok(archive.slice(start..archive.len().min(start + CHUNK)))))
}

/// Returns a reader for an archive, and a future that passes the archive's chunks to the reader as they arrive. The
/// reader blocks, so use it on a blocking thread while the future runs.
pub(crate) fn channel(archive: impl Stream<Item = io::Result<Bytes>>) -> (ChannelReader, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
    let receive = async move {
        let mut archive = pin!(in_chunks(archive));
        while let Some(chunk) = archive.next().await {
            if sender.send(chunk).await.is_err() {
                // The reader was dropped before the end of the archive.
                break;
            }
        }
    };
    (ChannelReader::new(receiver), receive)
}

/// Returns storage for the contents of a pack's files.
pub(crate) fn contents() -> SpooledTempFile {
    spooled_tempfile(IN_MEMORY)
}

/// Combines the chunks of an archive, so that each one except the last has at least [`CHUNK`] bytes. An error is the
/// last item, and replaces the chunk that was being combined.
fn in_chunks(archive: impl Stream<Item = io::Result<Bytes>>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(Box::pin(archive)), async |archive| {
        let mut archive = archive?;
        let mut combined = BytesMut::new();
        loop {
            match archive.next().await {
                Some(Ok(chunk)) if combined.is_empty() && chunk.len() >= CHUNK => {
                    return Some((Ok(chunk), Some(archive)));
                }
                Some(Ok(chunk)) => combined.extend_from_slice(&chunk),
                Some(Err(error)) => return Some((Err(error), None)),
                None if combined.is_empty() => return None,
                None => return Some((Ok(combined.freeze()), None)),
            }
            if combined.len() >= CHUNK {
                return Some((Ok(combined.freeze()), Some(archive)));
            }
        }
    })
}
