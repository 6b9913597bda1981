use std::io::{Cursor, Read as _};

use pack_format::{
    Content, Entry, EntryKind, Limits, Pack, ValidationError,
    image::{Image, write_layer},
    validate,
};
use test_support::{
    archive::{Archive, gzip},
    readers::Listing,
};

/// A pack with what is in its files.
#[derive(Debug)]
pub(crate) struct Validated {
    pub(crate) pack: Pack,
    contents: Cursor<Vec<u8>>,
}

impl Validated {
    /// Validates an upload by the default limits.
    pub(crate) fn new(upload: &[u8]) -> Result<Self, ValidationError> {
        let mut contents = Cursor::default();
        let pack = validate(upload, &Limits::default(), &mut contents)?;
        Ok(Self { pack, contents })
    }

    pub(crate) fn content(&self, content: Content) -> Vec<u8> {
        let mut bytes = Vec::new();
        content.open(self.contents.clone()).and_then(|mut content| content.read_to_end(&mut bytes)).expect("in memory");
        bytes
    }

    pub(crate) fn listing(&self) -> Listing {
        let entry = |entry: &Entry| match entry.kind {
            EntryKind::Directory => (format!("{}/", entry.path), None),
            EntryKind::File { executable, content } => (entry.path.clone(), Some((executable, self.content(content)))),
        };
        self.pack.tree.entries().iter().map(entry).collect()
    }

    pub(crate) fn layer(&mut self) -> Vec<u8> {
        let mut layer = Vec::new();
        write_layer(&self.pack.tree, &mut self.contents, &mut layer).expect("in memory");
        layer
    }

    pub(crate) fn image(&mut self) -> Image {
        Image::new(&self.pack.tree, &mut self.contents).expect("in memory")
    }
}

/// The paths of the accepted pack, directories with a slash at the end and executable files with an asterisk.
#[track_caller]
pub(crate) fn accepted(upload: &[u8]) -> Vec<String> {
    let validated = Validated::new(upload).expect("the pack is good");
    let mark = |(path, file): (String, Option<(bool, Vec<u8>)>)| match file {
        Some((true, _)) => format!("{path}*"),
        _ => path,
    };
    validated.listing().into_iter().map(mark).collect()
}

/// The problems of an upload, each as `field: message`.
#[track_caller]
pub(crate) fn problems(upload: &[u8]) -> Vec<String> {
    match Validated::new(upload) {
        Err(ValidationError::Invalid(problems)) => {
            problems.listed().iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect()
        }
        Err(rejection) => panic!("{rejection}"),
        Ok(validated) => panic!("accepted: {:?}", validated.pack.tree.entries()),
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
