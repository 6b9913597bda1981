use super::{Limits, Manifest, Problems, Tree};

/// Judges what stands at the pack's root, and reads its `pack.yaml`.
pub(super) fn manifest(_tree: &Tree, _limits: &Limits, _problems: &mut Problems) -> Option<Manifest> {
    todo!()
}
