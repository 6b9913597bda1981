//! Prints problems and warnings.

mod github;
mod human;
mod sarif;

use std::io::{self, Write};

use pack_format::{Problem, Warning};
use serde_json::json;

use crate::{cli::Format, source::Source, verdict::Verdict};

/// Prints a verdict.
pub fn print(format: Format, source: &Source, verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let (problems, unlisted, warnings): (&[Problem], usize, &[Warning]) = match verdict {
        Verdict::Valid(valid) => (&[], 0, &valid.pack.warnings),
        Verdict::Invalid(problems) => (problems.listed(), problems.unlisted(), &[]),
    };
    match format {
        Format::Human => human::print(source, problems, unlisted, warnings, out),
        Format::Json => {
            let is_valid = problems.is_empty();
            let report = json!({
                "valid": is_valid,
                "problems": problems,
                "unlisted_problems": unlisted,
                "warnings": warnings,
            });
            writeln!(out, "{report:#}")
        }
        Format::Github => github::print(source, problems, warnings, out),
        Format::Sarif => writeln!(out, "{:#}", sarif::log(source, problems, warnings)),
    }
}
