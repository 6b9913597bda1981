use test_support::archive::{Archive, BLOCK};

use crate::support::{assert_rejected, assert_tar_rejected};

#[test]
fn rejects_an_archive_without_an_end_marker() {
    assert_tar_rejected(
        &Archive::pack().without_end_marker(),
        &[
            "the archive is truncated: it ends at byte 1024 without the two blocks of zeros that end a tar; create the archive again",
        ],
    );
    assert_tar_rejected(
        b"",
        &["the archive is empty: tar wrote nothing, so look at its error message and create the archive again"],
    );
}

#[test]
fn rejects_half_an_end_marker() {
    assert_tar_rejected(
        &Archive::pack().raw(&[0; BLOCK]).without_end_marker(),
        &["the archive is truncated: it ends after one block of zeros at byte 1024, not two; create the archive again"],
    );
}

#[test]
fn rejects_a_single_block_of_zeros_between_entries() {
    assert_rejected(
        Archive::pack().raw(&[0; BLOCK]).file("guides/hidden", b""),
        &[
            "the archive has a single block of zeros at byte 1024, which some tar readers treat as the end of the archive; create the archive again",
        ],
    );
}

#[test]
fn rejects_data_after_the_end_marker() {
    let hidden = Archive::new().file("guides/hidden", b"").without_end_marker();
    for zeros in [2, 3, 20, 1000] {
        assert_rejected(
            Archive::pack().raw(&vec![0; zeros * BLOCK]).raw(&hidden),
            &[&format!(
                "the archive has data after its end, in the block at byte {}; create the archive again \
                 instead of appending to it",
                1024 + zeros * BLOCK
            )],
        );
    }
    let mut tar = Archive::pack().tar();
    tar.extend([0; BLOCK]);
    *tar.last_mut().unwrap() = 1;
    assert_tar_rejected(
        &tar,
        &["the archive has data after its end, in the block at byte 2048; create the archive again \
             instead of appending to it"],
    );
}

#[test]
fn rejects_an_incomplete_last_block() {
    for rest in [1, 511] {
        let tar = [Archive::pack().tar(), vec![0; rest]].concat();
        assert_tar_rejected(
            &tar,
            &[&format!(
                "the archive's last block, at byte 2048, has only {rest} of 512 bytes; create the archive again"
            )],
        );
    }
}

#[test]
fn rejects_two_concatenated_archives() {
    let tar = Archive::pack().tar();
    assert_tar_rejected(
        &[tar.clone(), tar].concat(),
        &["the archive has data after its end, in the block at byte 2048; create the archive again \
             instead of appending to it"],
    );
}
