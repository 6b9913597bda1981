use std::io::Write;

use super::Outcome;
use crate::{
    cli::Check,
    error::Error,
    fix::{self, Fix},
    report,
    source::Source,
    validation::Validation,
};

/// The maximum number of rounds of fixes. One round may not be enough, because fixing a syntax error can reveal more
/// problems.
const MAX_ROUNDS: usize = 10;

pub(super) fn run(arguments: &Check, out: &mut impl Write) -> Result<Outcome, Error> {
    let open = || {
        let source = Source::open(&arguments.pack.path, arguments.pack.reading)?;
        let validation = Validation::new(&source, arguments.visibility)?;
        Ok::<_, Error>((source, validation))
    };
    let (mut source, mut validation) = open()?;
    if arguments.fix {
        for _ in 0..MAX_ROUNDS {
            if !apply(&source, &validation)? {
                break;
            }
            (source, validation) = open()?;
        }
    }
    report::print(arguments.format, &source, &validation, out)?;
    match validation {
        Validation::Valid(_) => Ok(Outcome::Success),
        Validation::Invalid(_) => Ok(Outcome::Problems),
    }
}

/// Applies the suggestions, and prints each fix to standard error. Returns whether it made any fixes.
fn apply(source: &Source, validation: &Validation) -> Result<bool, Error> {
    let root = source.root().ok_or(Error::FixArchive)?;
    let Validation::Invalid(problems) = validation else { return Ok(false) };
    let fixes = fix::apply(root, problems.listed())?;
    for Fix { file, span, description } in &fixes {
        let line = span.map_or_else(String::new, |span| format!(":{}:{}", span.line, span.column));
        anstream::eprintln!("fixed {}{line}: {description}", source.shown_path(file).display());
    }
    Ok(!fixes.is_empty())
}
