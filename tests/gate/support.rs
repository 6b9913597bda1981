use pack_upload::pack::{EntryKind, Limits, Rejection, Tree, judge};

use crate::{
    archive::{Archive, gzip},
    readers::Listing,
};

pub(crate) fn listing(tree: &Tree) -> Listing {
    let entry = |entry: &pack_upload::pack::Entry| match &entry.kind {
        EntryKind::Directory => (format!("{}/", entry.path), None),
        EntryKind::File { executable, content } => {
            (entry.path.clone(), Some((*executable, tree.content(content).to_vec())))
        }
    };
    tree.entries().iter().map(entry).collect()
}

/// The paths of the accepted pack, directories with a slash at the end and executable files with an asterisk.
#[track_caller]
pub(crate) fn accepted(upload: &[u8]) -> Vec<String> {
    let pack = judge(upload, &Limits::default()).expect("the pack is good");
    let mark = |(path, file): (String, Option<(bool, Vec<u8>)>)| match file {
        Some((true, _)) => format!("{path}*"),
        _ => path,
    };
    listing(&pack.tree).into_iter().map(mark).collect()
}

/// The problems of an upload, each as `field: message`.
#[track_caller]
pub(crate) fn problems(upload: &[u8]) -> Vec<String> {
    match judge(upload, &Limits::default()) {
        Err(Rejection::Invalid(problems)) => {
            problems.listed().iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect()
        }
        Err(Rejection::TooLarge(limit)) => panic!("too large: {limit}"),
        Ok(pack) => panic!("accepted: {:?}", pack.tree.entries()),
    }
}

/// Asserts that the archive, with its end mark and compressed, is refused for exactly these problems.
#[track_caller]
pub(crate) fn refused(archive: Archive, expected: &[&str]) {
    refused_tar(&archive.tar(), expected);
}

/// Asserts that a tar, compressed as it is, is refused for exactly these problems of the field `archive`.
#[track_caller]
pub(crate) fn refused_tar(tar: &[u8], expected: &[&str]) {
    let expected: Vec<_> = expected.iter().map(|message| format!("archive: {message}")).collect();
    assert_eq!(problems(&gzip(tar)), expected);
}
