//! Validates packs, and keeps the contents of their files in memory.

use std::io::{BufRead, Cursor, Read as _};

use pack_format::{
    Content, Entry, EntryKind, Limits, Pack, Problem, Problems, ValidationError, Visibility,
    image::{Image, write_layer},
    unpack, write_layer_of,
};

use crate::{archive::Archive, listing::Listing, suggestions};

/// A validated pack and the contents of its files.
#[derive(Debug)]
pub struct ValidatedPack {
    pub pack: Pack,
    pub contents: Cursor<Vec<u8>>,
}

impl ValidatedPack {
    pub fn content(&self, content: Content) -> Vec<u8> {
        let mut bytes = Vec::new();
        content.open(self.contents.clone()).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    pub fn listing(&self) -> Listing {
        let entry = |entry: &Entry| match entry.kind {
            EntryKind::Directory => (format!("{}/", entry.path), None),
            EntryKind::File { executable, content } => (entry.path.clone(), Some((executable, self.content(content)))),
        };
        self.pack.tree.entries().iter().map(entry).collect()
    }

    pub fn layer(&mut self) -> Vec<u8> {
        let mut layer = Vec::new();
        write_layer(&self.pack.tree, &mut self.contents, &mut layer).unwrap();
        layer
    }

    pub fn image(&mut self) -> Image {
        Image::new(&self.pack, &mut self.contents).unwrap()
    }
}

/// Validates an archive against the default limits.
///
/// # Panics
/// If the archive is valid, panics if [`unpack`] returns other files. Also panics if [`write_layer_of`] does not write
/// the pack's layer although the archive is in layer order, or writes it although the archive is not in that order.
pub fn validate(archive: &[u8]) -> Result<ValidatedPack, ValidationError> {
    let limits = Limits::default();
    let mut validated = validate_within(archive, &limits)?;
    let mut contents = Vec::new();
    let tree = unpack(archive, &limits, &mut contents).unwrap();
    assert_eq!((&tree, &contents), (&validated.pack.tree, validated.contents.get_ref()));
    let mut layer = Vec::new();
    write_layer_of(archive, &limits, &mut layer).unwrap();
    assert_eq!(layer == validated.layer(), validated.pack.is_in_layer_order, "{:?}", validated.pack.tree);
    Ok(validated)
}

pub fn validate_within(archive: impl BufRead, limits: &Limits) -> Result<ValidatedPack, ValidationError> {
    validate_as(archive, limits, Visibility::Org)
}

/// Validates the archive of a pack with this visibility.
pub fn validate_as(
    archive: impl BufRead,
    limits: &Limits,
    visibility: Visibility,
) -> Result<ValidatedPack, ValidationError> {
    let mut contents = Cursor::default();
    let pack = pack_format::validate(archive, limits, visibility, &mut contents)?;
    Ok(ValidatedPack { pack, contents })
}

/// Validates an archive of these files against the default limits. A path that ends with `/` is a directory.
///
/// # Panics
/// Panics if a suggestion in the result does not fix its problem, or if its replacement causes a new problem in the
/// same place.
pub fn validate_files(files: &[(&str, &[u8])]) -> Result<ValidatedPack, ValidationError> {
    let archive = |files: &[(&str, &[u8])]| Archive::new().files(files).tar_gz();
    let result = validate(&archive(files));
    if let Err(ValidationError::Invalid(problems)) = &result {
        let fixed = |files: &suggestions::Files| {
            let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (&**path, &**bytes)).collect();
            problems_of(&validate(&archive(&files)))
        };
        suggestions::assert_fixes(files, problems, fixed);
    }
    result
}

/// Applies all suggestions in `problems` to the files, and validates the result.
pub fn apply_suggestions(files: &[(&str, &[u8])], problems: &Problems) -> Result<ValidatedPack, ValidationError> {
    let files = suggestions::apply_all(files, problems);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (&**path, &**bytes)).collect();
    validate(&Archive::new().files(&files).tar_gz())
}

/// Validates a pack that contains only this `pack.yaml`. Like [`validate_files`], panics if a suggestion is wrong.
pub fn validate_manifest(yaml: impl AsRef<[u8]>) -> Result<ValidatedPack, ValidationError> {
    validate_files(&[("pack.yaml", yaml.as_ref())])
}

fn problems_of(result: &Result<ValidatedPack, ValidationError>) -> Vec<Problem> {
    match result {
        Err(ValidationError::Invalid(problems)) => problems.listed().to_vec(),
        _ => Vec::new(),
    }
}

/// Returns the problems with an upload as pairs of field and message, sorted by field. Returns none for a valid pack.
///
/// # Panics
/// Panics if the archive exceeded a limit or if reading it failed.
pub fn problems(result: &Result<ValidatedPack, ValidationError>) -> Vec<(String, String)> {
    match result {
        Ok(_) => Vec::new(),
        Err(ValidationError::Invalid(problems)) => problems
            .by_field()
            .into_iter()
            .flat_map(|(field, messages)| {
                messages.into_iter().map(move |message| (field.to_owned(), message.to_owned()))
            })
            .collect(),
        Err(error) => panic!("{error}"),
    }
}
