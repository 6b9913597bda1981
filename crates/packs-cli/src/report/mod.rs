//! Prints problems and warnings.

mod github;
mod human;
mod sarif;

use std::io::{self, Write};

use pack_format::{Problem, Warning};
use serde_json::{Value, json};

use crate::{cli::ReportFormat, source::Source, validation::Validation};

pub fn print(format: ReportFormat, source: &Source, validation: &Validation, out: &mut impl Write) -> io::Result<()> {
    let (problems, unlisted, warnings): (&[Problem], usize, &[Warning]) = match validation {
        Validation::Valid(valid) => (&[], 0, &valid.pack.warnings),
        Validation::Invalid(problems) => (problems.listed(), problems.unlisted(), &[]),
    };
    match format {
        ReportFormat::Human => human::print(source, problems, unlisted, warnings, out),
        ReportFormat::Json => {
            let is_valid = problems.is_empty();
            let report = json!({
                "valid": is_valid,
                "problems": problems,
                "unlisted_problems": unlisted,
                "warnings": warnings,
            });
            writeln!(out, "{report:#}")
        }
        ReportFormat::Github => github::print(source, problems, warnings, out),
        ReportFormat::Sarif => writeln!(out, "{:#}", sarif::log(source, problems, warnings)),
    }
}

/// Prints the problems in the details of a validation error from the service.
pub fn print_rejection(details: &Value, out: &mut impl Write) -> io::Result<()> {
    print_list(&details["problems"], "error", out)
}

/// Prints the warnings in the response to an upload.
pub fn print_warnings(record: &Value, out: &mut impl Write) -> io::Result<()> {
    print_list(&record["warnings"], "warning", out)
}

fn print_list(list: &Value, level: &str, out: &mut impl Write) -> io::Result<()> {
    for item in list.as_array().into_iter().flatten() {
        let text = |key: &str| item[key].as_str().unwrap_or_default();
        writeln!(out, "{level}: {}: {}", text("field"), text("message"))?;
    }
    Ok(())
}
