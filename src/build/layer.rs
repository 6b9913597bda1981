use std::{io, sync::Arc};

use bytes::Bytes;
use futures_util::Stream;
use pack_format::{Limits, ValidationError, image::write_layer, unpack, write_layer_of};

use crate::{registry::Layer, validation};

/// Starts writing a pack's layer, which should have `size` bytes, on a blocking thread that reads the pack's archive. A
/// task passes the archive's chunks to the thread as they arrive. Both end soon after the layer is dropped.
///
/// If the archive's entries are not in the same order as in the layer, the layer is written only after the whole
/// archive is received.
pub(super) fn write(
    archive: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    limits: Arc<Limits>,
    is_in_layer_order: bool,
    size: u64,
) -> Layer<ValidationError> {
    let (archive, receive) = validation::channel(archive);
    tokio::spawn(receive);
    Layer::write(size, move |layer| {
        if is_in_layer_order {
            return write_layer_of(archive, &limits, layer);
        }
        let mut contents = validation::contents();
        let tree = unpack(archive, &limits, &mut contents)?;
        Ok(write_layer(&tree, &mut contents, layer)?)
    })
}
