use std::path::Path;

use test_support::listing::{Listing, read_directory};

use super::writers::Writer;

/// Returns the pack that this writer's archive of the directory must contain.
pub(super) fn expected_pack(directory: &Path, writer: &Writer) -> Listing {
    let mut pack = read_directory(directory);
    if !writer.stores_empty_directories() {
        let all = pack.clone();
        let is_filled = |path: &str| all.iter().any(|(other, file)| file.is_some() && other.starts_with(path));
        pack.retain(|path, file| file.is_some() || is_filled(path));
    }
    without_ignored(pack)
}

/// Removes the files that validation drops.
pub(super) fn without_ignored(mut listing: Listing) -> Listing {
    let is_metadata = |component: &str| component == ".DS_Store" || component.starts_with("._");
    listing.retain(|path, _| {
        let top = path.split('/').next();
        !path.split('/').any(is_metadata) && !matches!(top, Some(".gitignore" | ".gitattributes"))
    });
    listing
}
