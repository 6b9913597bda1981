mod check;
mod diff;
mod digest;
mod init;
mod push;
mod records;
mod verify;

use std::io::Write;

use clap::CommandFactory;
use pack_format::MANIFEST_SCHEMA;

use crate::{
    cli::{Cli, Command},
    error::Error,
    source,
};

/// The result of a command that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    /// The pack has problems, or the image has no valid attestation. The reasons have been printed.
    Problems,
}

/// Runs a command and prints its results to `out`.
pub fn run(cli: Cli, out: &mut impl Write) -> Result<Outcome, Error> {
    match cli.command {
        Command::Check(arguments) => check::run(&arguments, out),
        Command::Digest(arguments) => digest::run(&arguments, out),
        Command::Archive(arguments) => {
            source::write_archive(&arguments.directory, &arguments.output, arguments.reading)?;
            Ok(Outcome::Success)
        }
        Command::Push(arguments) => push::run(&arguments, out),
        Command::Show(arguments) => records::show(&arguments, out),
        Command::List(arguments) => records::list(&arguments, out),
        Command::Delete { id } => records::delete(&id, out),
        Command::Visibility(arguments) => records::set_visibility(&arguments, out),
        Command::Verify(arguments) => verify::run(&arguments, out),
        Command::Diff(arguments) => diff::run(&arguments, out),
        Command::Init { name } => init::run(&name, out),
        Command::Schema => {
            out.write_all(MANIFEST_SCHEMA.as_bytes())?;
            Ok(Outcome::Success)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "packs", &mut script);
            out.write_all(&script)?;
            Ok(Outcome::Success)
        }
        Command::Man { directory } => {
            clap_mangen::generate_to(Cli::command(), &directory).map_err(Error::write(&directory))?;
            Ok(Outcome::Success)
        }
    }
}
