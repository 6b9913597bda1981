use bytes::Bytes;

use super::Descriptor;
use crate::pack::Tree;

/// The layer's bytes.
pub fn chunks(_tree: &Tree) -> impl Iterator<Item = Bytes> + Send + 'static {
    std::iter::empty()
}

/// The layer's descriptor.
pub(super) fn descriptor(_tree: &Tree) -> Descriptor {
    todo!()
}
