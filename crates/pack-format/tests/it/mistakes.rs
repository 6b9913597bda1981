//! Checks that `MISTAKES.md`, a list of authors' common mistakes, has the current messages, and that a pack whose
//! problems have suggestions is valid after they are applied. Run this test with `UPDATE_GOLDEN=1` to update the file.

use std::{fmt::Write as _, fs, path::Path};

use pack_format::{Location, ValidationError};
use test_support::{
    mistakes::{Mistake, Upload, mistakes},
    validation::{apply_suggestions, problems, validate, validate_files},
};

use crate::support::{save, save_files};

const HEAD: &str = "# Common mistakes

One response reports all problems with an upload, in `error.details.fields`: for each field, what is wrong and how to
fix it. The test `mistakes` generates this document, applies each suggestion, and validates the result.
";

#[test]
fn mistakes_md_shows_the_current_messages() {
    let mut document = String::from(HEAD);
    for (title, mistakes) in mistakes() {
        write!(document, "\n## {title}\n\n| mistake | example | problems reported |\n|---|---|---|\n").unwrap();
        for mistake in mistakes {
            let Mistake { title, example, .. } = mistake;
            writeln!(document, "| {title} | {example} | {} |", cell(&mistake)).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("MISTAKES.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &document).unwrap();
    }
    assert_eq!(document, fs::read_to_string(&path).unwrap());
}

/// Returns the problems as a table cell. Checks that each message that proposes a replacement has a suggestion, and
/// that applying the suggestions makes the pack valid.
fn cell(mistake: &Mistake) -> String {
    let result = match &mistake.upload {
        Upload::Bytes(bytes) => {
            save(bytes);
            validate(bytes)
        }
        Upload::Files(files) => {
            let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
            save_files(&files);
            let result = validate_files(&files);
            let Err(ValidationError::Invalid(problems)) = &result else { panic!("{} is accepted", mistake.title) };
            for problem in problems.listed() {
                let has_suggestion = matches!(&problem.location, Some(Location::File { suggestion: Some(_), .. }));
                let suggests = ["did you mean", "; write `", "; rename it to"];
                let suggests = suggests.iter().any(|words| problem.message.contains(words));
                assert!(has_suggestion || !suggests, "no suggestion: {problem:?}");
                if has_suggestion {
                    let fixed = apply_suggestions(&files, problems);
                    assert_eq!(test_support::validation::problems(&fixed), [], "{}", mistake.title);
                }
            }
            result
        }
    };
    let problems = problems(&result);
    assert!(!problems.is_empty(), "{} is accepted", mistake.title);
    let problems: Vec<String> = problems.iter().map(|(field, message)| format!("**{field}**: {message}")).collect();
    problems.join("<br>").replace('|', "\\|")
}
