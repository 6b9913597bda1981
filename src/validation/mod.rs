//! Validates archives and computes their images. Uploads and builds share this code.

mod channel_reader;

use std::{panic::resume_unwind, pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use pack_format::{Digest, Limits, Pack, ValidationError, Visibility, image::Image};
use tempfile::{SpooledTempFile, spooled_tempfile};
use tokio::{sync::mpsc, task::spawn_blocking};

use self::channel_reader::ChannelReader;

/// The maximum size of a pack's contents in memory, in bytes. Larger contents are written to an unnamed file in the
/// system's temporary directory, and the file is deleted when it is closed.
const IN_MEMORY: usize = 32 << 20;

/// How many chunks of an archive may wait for validation.
const WAITING_CHUNKS: usize = 4;

/// The pack in a valid archive, and the pack's image.
#[derive(Debug)]
pub(crate) struct Validated {
    pub(crate) pack: Pack,
    pub(crate) image: Image,
    /// The contents of the pack's files.
    pub(crate) contents: SpooledTempFile,
    /// The size of the archive, in bytes.
    pub(crate) archive_size: u64,
    pub(crate) archive_sha256: Digest,
}

/// Validates an archive and computes its image on a blocking thread, while the archive is being received. If the future
/// is dropped, the thread stops after the chunks that it has received.
///
/// # Panics
/// Panics if the blocking thread panics, with the same payload.
pub(crate) async fn validate(
    archive: impl Stream<Item = std::io::Result<Bytes>>,
    limits: Arc<Limits>,
    visibility: Visibility,
) -> Result<Validated, ValidationError> {
    let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
    let validating = spawn_blocking(move || {
        let mut contents = spooled_tempfile(IN_MEMORY);
        let mut archive = ChannelReader::new(receiver);
        let pack = pack_format::validate(&mut archive, &limits, visibility, &mut contents)?;
        let image = Image::new(&pack, &mut contents)?;
        Ok::<_, ValidationError>((pack, image, contents, archive.sha256()))
    });
    let mut archive = pin!(archive);
    let mut archive_size = 0;
    while let Some(chunk) = archive.next().await {
        archive_size += chunk.as_ref().map_or(0, Bytes::len) as u64;
        if sender.send(chunk).await.is_err() {
            // Validation ended before the archive did.
            break;
        }
    }
    drop(sender);
    let validated = validating.await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
    let (pack, image, contents, archive_sha256) = validated?;
    Ok(Validated { pack, image, contents, archive_size, archive_sha256 })
}
