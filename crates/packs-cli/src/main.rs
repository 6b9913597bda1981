use std::{error::Error as _, io, process::ExitCode};

use clap::Parser;
use packs_cli::{Cli, Error, Outcome, commands};

fn main() -> ExitCode {
    match commands::run(Cli::parse(), &mut anstream::stdout()) {
        Ok(Outcome::Success) => ExitCode::SUCCESS,
        Ok(Outcome::Problems) => ExitCode::from(1),
        // The reader of the output, such as `head`, has closed the pipe.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                message.push_str(&format!(": {error}"));
                cause = error.source();
            }
            anstream::eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}
