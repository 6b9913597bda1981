//! Packs made for a test.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write as _},
};

use flate2::{Compression, write::GzEncoder};
use pack_format::{Limits, Manifest, Pack, ValidationError, validate};

/// The least that `pack.yaml` may say.
pub const MINIMAL: &str = "name: sample\nversion: 1.0.0\ndescription: For a test.\n";

/// A pack directory to be archived: paths and contents in the order given; a path that ends in `/` is a directory.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        let kind = if path.ends_with('/') { tar::EntryType::Directory } else { tar::EntryType::Regular };
        header.set_entry_type(kind);
        header.set_mode(if kind.is_dir() || path.ends_with(".sh") { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, *content).expect("a Vec takes whatever is written to it");
    }
    let mut gzip = tar.into_inner().expect("a Vec takes whatever is written to it");
    gzip.flush().expect("a Vec takes whatever is written to it");
    gzip.finish().expect("a Vec takes whatever is written to it")
}

/// Validates an archive by the default limits.
pub fn validate_bytes(archive: &[u8]) -> Result<Pack, ValidationError> {
    validate(archive, &Limits::default(), &mut Cursor::<Vec<u8>>::default())
}

/// Validates a pack of these files by the default limits.
pub fn validate_files(files: &[(&str, &[u8])]) -> Result<Pack, ValidationError> {
    validate_bytes(&archive(files))
}

/// Validates a pack that is nothing but this `pack.yaml`.
pub fn validate_yaml(yaml: impl AsRef<[u8]>) -> Result<Pack, ValidationError> {
    validate_files(&[("pack.yaml", yaml.as_ref())])
}

/// The problems of an upload by field; a pack has none.
///
/// # Panics
/// On a rejection that is not for problems.
pub fn problems(verdict: &Result<Pack, ValidationError>) -> BTreeMap<String, Vec<String>> {
    match verdict {
        Ok(_) => BTreeMap::new(),
        Err(ValidationError::Invalid(problems)) => problems
            .by_field()
            .into_iter()
            .map(|(field, messages)| (field.to_owned(), messages.into_iter().map(str::to_owned).collect()))
            .collect(),
        Err(rejection) => panic!("{rejection}"),
    }
}

/// Fails unless the upload has exactly these problems: `field: message`, in the order of fields.
#[track_caller]
pub fn assert_problems(verdict: &Result<Pack, ValidationError>, expected: &[(&str, &str)], about: &str) {
    let found: Vec<(String, String)> = problems(verdict)
        .into_iter()
        .flat_map(|(field, messages)| messages.into_iter().map(move |message| (field.clone(), message)))
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(field, message)| (field.as_str(), message.as_str())).collect();
    assert_eq!(found, expected, "{about}");
}

/// Fails unless a pack that is nothing but this `pack.yaml` has exactly these problems, field by field.
#[track_caller]
pub fn refuses(yaml: impl AsRef<str>, expected: &[(&str, &str)]) {
    let yaml = yaml.as_ref();
    let about: String = yaml.chars().take(200).collect();
    assert_problems(&validate_yaml(yaml), expected, &about);
}

/// The smallest `pack.yaml` and more of it, from line 4 on.
pub fn more(yaml: &str) -> String {
    format!("{MINIMAL}{yaml}")
}

/// The manifest of a pack that is nothing but this `pack.yaml`.
///
/// # Panics
/// If it is refused.
#[track_caller]
pub fn accepts(yaml: impl AsRef<str>) -> Manifest {
    match validate_yaml(yaml.as_ref()) {
        Ok(pack) => pack.manifest,
        Err(rejection) => panic!("{rejection}\n{}", yaml.as_ref()),
    }
}

/// A pack with these capabilities, from line 5 on.
pub fn capabilities(yaml: &str) -> String {
    more(&format!("capabilities:\n{yaml}"))
}

/// A pack with one capability of this one rule, from line 8 on.
pub fn rule(yaml: &str) -> String {
    let rule = yaml.replace('\n', "\n        ");
    capabilities(&format!("  - name: a\n    type: http\n    allow:\n      - {rule}\n"))
}
