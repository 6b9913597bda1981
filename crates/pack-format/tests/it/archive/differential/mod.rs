//! Archives random directories with every installed writer, and makes changed copies of each archive. If the validator
//! accepts an archive or a copy, every installed reader that can unpack it must find the same files. If the validator
//! rejects it only because tar readers disagree on it, they must disagree.
//!
//! - [`make_directory`] makes the directories, [`writers`] archive them, and [`mutate`] changes the archives.
//! - [`directories`] determines the pack that an archive must contain.
//! - [`readers`] unpack the archives, and [`comparison`] compares what they find with the validator's results.
//!
//! `DIFFERENTIAL_CASES` sets the number of archives, including the changed copies, and `DIFFERENTIAL_SEED` sets the
//! seed of the random number generator.

mod comparison;
mod directories;
mod readers;
mod writers;

use std::{collections::BTreeMap, fs};

use test_support::{directories::make_directory, layer_by_gnu_tar, mutations::mutate};

use self::{
    comparison::{Case, Tally, compare},
    directories::expected_pack,
    writers::{Writer, write_all},
};

const DEFAULT_CASES: usize = 400;
const DEFAULT_SEED: u64 = 15;
/// The number of changed copies to make of each archive.
const MUTATIONS: usize = 4;
/// The number of directories whose archives are passed to [`compare`] together.
const DIRECTORIES: usize = 3;

#[test]
fn validation_agrees_with_every_reader() {
    let cases = std::env::var("DIFFERENTIAL_CASES").map_or(DEFAULT_CASES, |cases| cases.parse().unwrap());
    let seed = std::env::var("DIFFERENTIAL_SEED").map_or(DEFAULT_SEED, |seed| seed.parse().unwrap());
    let (writers, readers) = (Writer::installed(), readers::installed());
    let mut random = fastrand::Rng::with_seed(seed);
    let mut tally = Tally::default();
    let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
    while tally.cases() < cases {
        let scratch = tempfile::tempdir().unwrap();
        let mut batch = Vec::new();
        for index in 0..DIRECTORIES {
            let directory = scratch.path().join(format!("pack-{index}"));
            let has_long_names = index % 2 == 1;
            make_directory(&directory, has_long_names, &mut random);
            let writers: Vec<&Writer> =
                writers.iter().filter(|writer| !has_long_names || !writer.loses_long_names()).collect();
            let layer = layer_by_gnu_tar(&directory);
            for (writer, archive) in write_all(&writers, &directory) {
                let name = format!("{} of directory {index}", writer.name());
                let Ok(archive) = archive else {
                    *skipped.entry(writer.name()).or_default() += 1;
                    continue;
                };
                let tar = fs::read(archive).unwrap();
                for mutation in 0..MUTATIONS {
                    let (change, changed) = mutate(&tar, &mut random);
                    batch.push(Case::changed(format!("{name}, change {mutation}: {change}"), changed));
                }
                let layer = writer.stores_empty_directories().then(|| layer.clone());
                batch.push(Case::written(name, tar, expected_pack(&directory, writer), layer));
            }
        }
        batch.truncate(cases - tally.cases());
        compare(batch, &readers, scratch.path(), &mut tally);
    }
    println!("{tally}");
    println!("directories that a writer could not archive: {skipped:?}");
    assert!(tally.disagreements.is_empty(), "{}", tally.disagreements.join("\n\n"));
}
