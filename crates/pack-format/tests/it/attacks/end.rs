use test_support::archive::{Archive, BLOCK};

use crate::support::{refused, refused_tar};

#[test]
fn a_missing_end_mark() {
    refused_tar(
        &Archive::pack().endless_tar(),
        &["the archive is cut off: it ends at byte 1024 without the two blocks of zeros that end a tar"],
    );
    refused_tar(b"", &["the archive is cut off: it ends at byte 0 without the two blocks of zeros that end a tar"]);
}

#[test]
fn half_an_end_mark() {
    refused_tar(
        &Archive::pack().raw(&[0; BLOCK]).endless_tar(),
        &["the archive is cut off: it ends after one block of zeros at byte 1024, not two"],
    );
}

#[test]
fn a_lone_block_of_zeros() {
    refused(
        Archive::pack().raw(&[0; BLOCK]).file("guides/hidden", b""),
        &["the archive has a single block of zeros at byte 1024, which some tar readers treat as its end"],
    );
}

#[test]
fn data_after_the_end_mark() {
    let hidden = Archive::new().file("guides/hidden", b"").endless_tar();
    for zeros in [2, 3, 20, 1000] {
        refused(
            Archive::pack().raw(&vec![0; zeros * BLOCK]).raw(&hidden),
            &[&format!(
                "the archive has data after its end, in the block at byte {}; do not append anything to an archive",
                1024 + zeros * BLOCK
            )],
        );
    }
    let mut tar = Archive::pack().tar();
    tar.extend([0; BLOCK]);
    *tar.last_mut().expect("it has bytes") = 1;
    refused_tar(
        &tar,
        &["the archive has data after its end, in the block at byte 2048; do not append anything to an archive"],
    );
}

#[test]
fn a_last_block_that_is_not_whole() {
    for rest in [1, 511] {
        let tar = [Archive::pack().tar(), vec![0; rest]].concat();
        refused_tar(&tar, &[&format!("the archive's last block, at byte 2048, has only {rest} of 512 bytes")]);
    }
}

#[test]
fn two_archives_in_one() {
    let tar = Archive::pack().tar();
    refused_tar(
        &[tar.clone(), tar].concat(),
        &["the archive has data after its end, in the block at byte 2048; do not append anything to an archive"],
    );
}
