use std::{fs, path::Path};

use pack_format::{Digest, Manifest, ValidationError};
use test_support::{
    archive::{Archive, gzip},
    validation::{self, ValidatedPack, validate, validate_manifest},
};

use crate::manifest::schema;

/// Saves an archive in `target/tmp/archives`. A test of the service sends it in a dry run, and compares the response
/// with the result of `packs check`.
pub(crate) fn save(upload: &[u8]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("archives");
    fs::create_dir_all(&folder).unwrap();
    let name = Digest::sha256(upload).to_string();
    fs::write(folder.join(name.trim_start_matches("sha256:")), upload).unwrap();
}

/// Saves the archive of these files. A path that ends in `/` is a directory.
pub(crate) fn save_files(files: &[(&str, &[u8])]) {
    save(&Archive::new().files(files).tar_gz());
}

/// Saves an upload, and returns the paths of its pack, which must be valid. The path of a directory ends in a slash,
/// and the path of an executable file ends in an asterisk.
#[track_caller]
pub(crate) fn accepted_paths(upload: &[u8]) -> Vec<String> {
    save(upload);
    let pack = validate(upload).unwrap_or_else(|error| panic!("{error}"));
    let mark = |(path, file)| match file {
        Some((true, _)) => format!("{path}*"),
        _ => path,
    };
    pack.listing().into_iter().map(mark).collect()
}

/// Returns the problems with an upload, each as `field: message`.
pub(crate) fn problems(upload: &[u8]) -> Vec<String> {
    let problems = validation::problems(&validate(upload)).into_iter();
    problems.map(|(field, message)| format!("{field}: {message}")).collect()
}

/// Adds the end-of-archive marker, compresses the archive, and asserts that it has exactly these problems, all in the
/// `archive` field.
#[track_caller]
pub(crate) fn assert_rejected(archive: Archive, expected: &[&str]) {
    assert_tar_rejected(&archive.tar(), expected);
}

/// Compresses the tar, and asserts that it has exactly these problems, all in the `archive` field.
#[track_caller]
pub(crate) fn assert_tar_rejected(tar: &[u8], expected: &[&str]) {
    let expected: Vec<_> = expected.iter().map(|message| ("archive", *message)).collect();
    let upload = gzip(tar);
    save(&upload);
    assert_problems(&validate(&upload), &expected, "archive");
}

/// Asserts that an upload has exactly these problems: pairs of field and message, sorted by field. `context` is shown
/// if the assertion fails.
#[track_caller]
pub(crate) fn assert_problems(
    result: &Result<ValidatedPack, ValidationError>,
    expected: &[(&str, &str)],
    context: &str,
) {
    let found = validation::problems(result);
    let found: Vec<(&str, &str)> = found.iter().map(|(field, message)| (field.as_str(), message.as_str())).collect();
    assert_eq!(found, expected, "{context}");
}

/// Asserts that a pack with only this `pack.yaml` is valid, and that the JSON schema accepts the `pack.yaml`. Returns
/// the manifest.
#[track_caller]
pub(crate) fn assert_manifest_accepted(yaml: impl AsRef<str>) -> Manifest {
    schema::assert_accepted(yaml.as_ref());
    match validate_manifest(yaml.as_ref()) {
        Ok(validated) => validated.pack.manifest,
        Err(error) => panic!("{error}\n{}", yaml.as_ref()),
    }
}

/// Asserts that a pack with only this `pack.yaml` has exactly these problems, given in the form that
/// [`assert_problems`] expects.
#[track_caller]
pub(crate) fn assert_manifest_rejected(yaml: impl AsRef<str>, expected: &[(&str, &str)]) {
    let yaml = yaml.as_ref();
    save_files(&[("pack.yaml", yaml.as_bytes())]);
    let context: String = yaml.chars().take(200).collect();
    assert_problems(&validate_manifest(yaml), expected, &context);
}
