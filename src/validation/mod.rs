//! The reading of an archive as both sides of the line do it: validated, and its image computed.

mod channel_reader;

use std::{panic::resume_unwind, pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use pack_format::{Limits, Pack, ValidationError, image::Image};
use tempfile::{SpooledTempFile, spooled_tempfile};
use tokio::{sync::mpsc, task::spawn_blocking};

use self::channel_reader::ChannelReader;

/// How many bytes of a pack's contents stay in memory. If there are more, all of them go to a file under the
/// system's temporary directory, which has no name and ends with its owner.
const IN_MEMORY: usize = 32 << 20;

/// How many chunks of an archive may wait for the validate.
const WAITING_CHUNKS: usize = 4;

/// A good archive.
#[derive(Debug)]
pub(crate) struct Validated {
    pub(crate) pack: Pack,
    pub(crate) image: Image,
    /// What is in the pack's files.
    pub(crate) contents: SpooledTempFile,
    /// How long the archive is, in bytes.
    pub(crate) archive_size: u64,
}

/// Validates an archive as it comes in, and computes the image of its pack, on a thread where that may take its time. Dropped
/// half-way it ends, for the archive then does.
///
/// # Errors
/// As [`pack_format::validate`]. A panic of it goes on here.
pub(crate) async fn validate(
    archive: impl Stream<Item = std::io::Result<Bytes>>,
    limits: Arc<Limits>,
) -> Result<Validated, ValidationError> {
    let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
    let validating = spawn_blocking(move || {
        let mut contents = spooled_tempfile(IN_MEMORY);
        let pack = pack_format::validate(ChannelReader::new(receiver), &limits, &mut contents)?;
        let image = Image::new(&pack.tree, &mut contents)?;
        Ok((pack, image, contents))
    });
    let mut archive = pin!(archive);
    let mut archive_size = 0;
    while let Some(chunk) = archive.next().await {
        archive_size += chunk.as_ref().map_or(0, Bytes::len) as u64;
        if sender.send(chunk).await.is_err() {
            // The verdict is there before the archive is.
            break;
        }
    }
    drop(sender);
    let validated = validating.await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
    validated.map(|(pack, image, contents)| Validated { pack, image, contents, archive_size })
}
