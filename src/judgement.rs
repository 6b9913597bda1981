//! The reading of an archive as both sides of the line do it: judged, and its image computed.

mod received;

use std::{panic::resume_unwind, pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tempfile::{SpooledTempFile, spooled_tempfile};
use tokio::{sync::mpsc, task::spawn_blocking};

use self::received::Received;
use crate::{
    image::Image,
    pack::{self, Limits, Pack, Rejection},
};

/// How many bytes of a pack's contents stay in memory. If there are more, all of them go to a file under the
/// system's temporary directory, which has no name and ends with its owner.
const IN_MEMORY: usize = 32 << 20;

/// How many chunks of an archive may wait for the judge.
const WAITING_CHUNKS: usize = 4;

/// A good archive.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) pack: Pack,
    pub(crate) image: Image,
    /// What is in the pack's files.
    pub(crate) contents: SpooledTempFile,
    /// How long the archive is, in bytes.
    pub(crate) archive_size: u64,
}

/// Judges an archive as it comes in, and computes the image of its pack, on a thread where that may take its time. Dropped
/// half-way it ends, for the archive then does.
///
/// # Errors
/// As [`pack::judge`]. A panic of it goes on here.
pub(crate) async fn judge(
    archive: impl Stream<Item = std::io::Result<Bytes>>,
    limits: Arc<Limits>,
) -> Result<Judged, Rejection> {
    let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
    let judging = spawn_blocking(move || {
        let mut contents = spooled_tempfile(IN_MEMORY);
        let pack = pack::judge(Received::new(receiver), &limits, &mut contents)?;
        let image = Image::of(&pack.tree, &mut contents)?;
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
    let judged = judging.await.unwrap_or_else(|error| resume_unwind(error.into_panic()));
    judged.map(|(pack, image, contents)| Judged { pack, image, contents, archive_size })
}
