//! The reading of an archive as both sides of the line do it: judged, and its image computed.

use std::{panic::resume_unwind, sync::Arc};

use bytes::Bytes;
use tokio::task::spawn_blocking;

use crate::{
    image::Image,
    pack::{self, Limits, Pack, Rejection},
};

/// Judges an archive and computes the image of its pack, on a thread where that may take its time.
///
/// # Errors
/// As [`pack::judge`]. A panic of it goes on here.
pub(crate) async fn judge(archive: Bytes, limits: Arc<Limits>) -> Result<(Pack, Image), Rejection> {
    let judging = spawn_blocking(move || {
        let pack = pack::judge(&archive[..], &limits)?;
        let image = Image::of(&pack.tree);
        Ok((pack, image))
    });
    judging.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}
