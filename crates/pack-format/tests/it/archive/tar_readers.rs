//! Tests that GNU tar, bsdtar and Python unpack an archive and its layer to the files that validation finds.

use std::{fs, path::Path};

use test_support::{
    listing::{Listing, read_directory},
    readers::Reader,
    validation::validate,
};

use crate::archive::generated::generated_archives;

#[test]
fn other_readers_find_the_same_files_in_generated_archives_and_their_layers() {
    let generated = generated_archives();
    let scratch = tempfile::tempdir().unwrap();
    let file = |index: usize, kind: &str| scratch.path().join(format!("{index}.{kind}"));
    for (index, archive) in generated.iter().enumerate() {
        let mut validated = validate(&archive.upload).unwrap_or_else(|error| {
            panic!("archive {index}: {error}\n{:?}", archive.pack.keys());
        });
        assert_eq!(validated.listing(), archive.pack, "archive {index}");
        fs::write(file(index, "upload"), &archive.upload).unwrap();
        fs::write(file(index, "layer"), validated.layer()).unwrap();
    }
    for reader in Reader::installed() {
        for kind in ["upload", "layer"] {
            let unpacked = |index: usize| scratch.path().join(format!("{reader:?}-{kind}-{index}"));
            let jobs: Vec<_> = (0..generated.len()).map(|index| (file(index, kind), unpacked(index))).collect();
            for (index, result) in reader.unpack(&jobs).into_iter().enumerate() {
                assert_eq!(result, Ok(()), "{reader:?} on {kind} {index}");
                let found = match kind {
                    "upload" => pack_directory(&unpacked(index), generated[index].wrapper.as_deref()),
                    _ => read_directory(&unpacked(index)),
                };
                assert_eq!(found, generated[index].pack, "{reader:?} on {kind} {index}");
            }
        }
    }
}

/// Lists the pack in an unpacked archive, without the files that validation drops.
fn pack_directory(directory: &Path, wrapper: Option<&str>) -> Listing {
    let is_ignored = |component: &str| component == ".DS_Store" || component.starts_with("._");
    let mut listing = match wrapper {
        Some(wrapper) => read_directory(&directory.join(format!("{wrapper}0"))),
        None => read_directory(directory),
    };
    listing.retain(|path, _| !path.split('/').any(is_ignored));
    listing
}
