//! What we say of an archive is what GNU tar, bsdtar and Python do with it.

use std::{fs, path::Path};

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use test_support::readers::{Listing, Reader, read_directory};

use crate::{generate::archives, support::Validated};

const ARCHIVES: usize = 512;

#[test]
fn generated_archives_and_their_layers_are_read_as_others_read_them() {
    let mut runner = TestRunner::deterministic();
    let generated: Vec<_> =
        (0..ARCHIVES).map(|_| archives().new_tree(&mut runner).expect("nothing is filtered out").current()).collect();
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let file = |index: usize, kind: &str| scratch.path().join(format!("{index}.{kind}"));
    for (index, archive) in generated.iter().enumerate() {
        let mut validated = Validated::new(&archive.upload).unwrap_or_else(|rejection| {
            panic!("archive {index} is refused: {rejection}\n{:?}", archive.pack.keys());
        });
        assert_eq!(validated.listing(), archive.pack, "archive {index}");
        fs::write(file(index, "upload"), &archive.upload).expect("the archive can be written");
        fs::write(file(index, "layer"), validated.layer()).expect("the layer can be written");
    }
    for reader in Reader::installed() {
        for kind in ["upload", "layer"] {
            let unpacked = |index: usize| scratch.path().join(format!("{reader:?}-{kind}-{index}"));
            let jobs: Vec<_> = (0..ARCHIVES).map(|index| (file(index, kind), unpacked(index))).collect();
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

/// What lies in an unpacked archive's pack, litter aside.
fn pack_directory(directory: &Path, wrapper: Option<&str>) -> Listing {
    let is_litter = |component: &str| component == ".DS_Store" || component.starts_with("._");
    let mut listing = match wrapper {
        Some(wrapper) => read_directory(&directory.join(format!("{wrapper}0"))),
        None => read_directory(directory),
    };
    listing.retain(|path, _| !path.split('/').any(is_litter));
    listing
}
