use std::{collections::BTreeMap, fmt, fs, path::Path};

use flate2::Compression;
use test_support::{
    archive::gzip_at,
    listing::{Listing, read_directory},
    validation::{problems, validate},
};

use super::{directories::without_ignored, readers::Reader};

/// An archive to validate and to unpack with all readers.
pub(super) struct Case {
    name: String,
    tar: Vec<u8>,
    /// The pack that a writer archived, and the pack's layer. The layer is `None` if the writer omits empty
    /// directories. The whole field is `None` for a changed archive.
    expected: Option<(Listing, Option<Vec<u8>>)>,
}

impl Case {
    /// Returns a case for an unchanged archive, which the validator must accept.
    pub(super) fn written(name: String, tar: Vec<u8>, pack: Listing, layer: Option<Vec<u8>>) -> Self {
        Self { name, tar, expected: Some((pack, layer)) }
    }

    /// Returns a case for an archive that was changed after it was written. The validator may reject it.
    pub(super) fn changed(name: String, tar: Vec<u8>) -> Self {
        Self { name, tar, expected: None }
    }
}

/// Counts of the results, and the disagreements found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    accepted: usize,
    rejected: usize,
    /// The number of archives that were rejected only because tar readers disagree on them. The test fails if the
    /// readers agree on one of them.
    compared_rejections: usize,
    /// The number of accepted archives that each reader refused.
    refused: BTreeMap<String, usize>,
    pub(super) disagreements: Vec<String>,
}

impl Tally {
    pub(super) fn cases(&self) -> usize {
        self.accepted + self.rejected
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, rejected, compared_rejections, refused, disagreements } = self;
        writeln!(f, "{} archives: {accepted} accepted, {rejected} rejected", self.cases())?;
        writeln!(f, "rejections compared with the readers: {compared_rejections}")?;
        writeln!(f, "accepted archives that a reader refused: {refused:?}")?;
        write!(f, "disagreements: {}", disagreements.len())
    }
}

/// The files that the validator found in an archive, or the problems that it reported.
type Outcome = Result<Listing, Vec<String>>;

/// Phrases from the messages about archives that are rejected only because tar readers disagree on them. If all of an
/// archive's problems contain such a phrase, the readers must disagree on the archive.
const READERS_DISAGREE: [&str; 4] = [
    "with decomposed characters",
    "a GNU long name that differ",
    "where some tar readers stop and use the name in the header",
    "that contradicts the execute bits",
];

/// Validates the archives and adds the results to `tally`. If an archive is accepted, or if each of its problems
/// contains one of [`READERS_DISAGREE`], also unpacks it with every reader and compares the results.
pub(super) fn compare(cases: Vec<Case>, readers: &[Reader], scratch: &Path, tally: &mut Tally) {
    let mut compared: Vec<(Case, Outcome)> = Vec::new();
    for case in cases {
        let outcome = outcome(&case, tally);
        match &outcome {
            Ok(_) => tally.accepted += 1,
            Err(problems) => {
                tally.rejected += 1;
                let is_by_readers = |problem: &String| READERS_DISAGREE.iter().any(|reason| problem.contains(reason));
                if !problems.iter().all(is_by_readers) {
                    continue;
                }
                tally.compared_rejections += 1;
            }
        }
        compared.push((case, outcome));
    }
    for (index, (case, _)) in compared.iter().enumerate() {
        fs::write(scratch.join(format!("{index}.tar")), &case.tar).unwrap();
    }
    let mut readings: Vec<Vec<(Reader, Result<Listing, String>)>> = vec![Vec::new(); compared.len()];
    for (number, reader) in readers.iter().enumerate() {
        let job = |index| (scratch.join(format!("{index}.tar")), scratch.join(format!("{index}-{number}")));
        let jobs: Vec<_> = (0..compared.len()).map(job).collect();
        for (index, result) in reader.unpack(&jobs).into_iter().enumerate() {
            let directory = &jobs[index].1;
            readings[index].push((*reader, result.map(|()| pack_in(read_directory(directory)))));
            fs::remove_dir_all(directory).unwrap();
        }
    }
    for ((case, outcome), readings) in compared.into_iter().zip(readings) {
        let problems = match outcome {
            Ok(pack) => disagreements(&pack, &readings, tally),
            Err(problems) => agreement(&readings).then(|| format!("rejected: {problems:?}")).into_iter().collect(),
        };
        tally.disagreements.extend(problems.into_iter().map(|problem| format!("{}: {problem}", case.name)));
    }
}

/// Validates an archive. Adds a disagreement to `tally` if an unchanged archive is rejected, or if its files or its
/// layer differ from the expected ones.
fn outcome(case: &Case, tally: &mut Tally) -> Outcome {
    let result = validate(&gzip_at(&case.tar, Compression::none()));
    let found = match result {
        Ok(mut validated) => {
            let listing = validated.listing();
            if let Some((pack, layer)) = &case.expected {
                if listing != *pack {
                    tally.disagreements.push(format!("{}: {}", case.name, difference(&listing, pack)));
                } else if layer.as_ref().is_some_and(|layer| validated.layer() != *layer) {
                    tally.disagreements.push(format!("{}: the layer differs from the directory's", case.name));
                }
            }
            Ok(listing)
        }
        Err(pack_format::ValidationError::TooLarge(limit)) => Err(vec![limit.to_string()]),
        rejected => Err(problems(&rejected).into_iter().map(|(_, message)| message).collect()),
    };
    if let (Some(_), Err(problems)) = (&case.expected, &found) {
        tally.disagreements.push(format!("{}: rejected: {problems:?}", case.name));
    }
    found
}

/// Returns the differences between what the readers find in an accepted archive and the pack that the validator found.
/// A refusal is a difference only for a reference reader; for other readers, adds it to the counts in `tally`.
fn disagreements(pack: &Listing, readings: &[(Reader, Result<Listing, String>)], tally: &mut Tally) -> Vec<String> {
    let mut found = Vec::new();
    for (reader, reading) in readings {
        match (reader, reading) {
            (_, Ok(listing)) if listing == pack => {}
            (_, Ok(listing)) => found.push(format!("{reader:?}: {}", difference(listing, pack))),
            (Reader::Reference(_), Err(message)) => found.push(format!("{reader:?} refuses it: {message}")),
            (_, Err(_)) => *tally.refused.entry(format!("{reader:?}")).or_default() += 1,
        }
    }
    found
}

/// Returns whether all reference readers accept an archive and all readers that accept it find the same files.
fn agreement(readings: &[(Reader, Result<Listing, String>)]) -> bool {
    let first = readings.iter().find_map(|(_, reading)| reading.as_ref().ok());
    readings.iter().all(|(reader, reading)| match reading {
        Ok(listing) => Some(listing) == first,
        Err(_) => !matches!(reader, Reader::Reference(_)),
    })
}

/// Returns the pack in an unpacked archive, without the files that validation drops and without the wrapping directory.
fn pack_in(listing: Listing) -> Listing {
    let listing = without_ignored(listing);
    let mut top: Vec<&str> = listing.keys().map(|path| path.split_inclusive('/').next().unwrap_or_default()).collect();
    top.dedup();
    match top.as_slice() {
        [only] if only.ends_with('/') && !["guides/", "scripts/", "data/", "templates/"].contains(only) => {
            let inside = |path: &str| path.strip_prefix(*only).filter(|path| !path.is_empty()).map(str::to_owned);
            let entries = listing.iter().filter_map(|(path, file)| Some((inside(path)?, file.clone())));
            without_ignored(entries.collect())
        }
        _ => listing,
    }
}

fn difference(found: &Listing, expected: &Listing) -> String {
    let paths = |one: &Listing, other: &Listing| -> Vec<String> {
        one.iter().filter(|(path, file)| other.get(*path) != Some(*file)).map(|(path, _)| path.clone()).collect()
    };
    format!("has {:?}, but should have {:?}", paths(found, expected), paths(expected, found))
}
