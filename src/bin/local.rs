//! Runs the system on one machine: see [`pack_upload::local`].

use std::{error::Error, process::ExitCode};

use clap::{Parser, Subcommand};
use pack_upload::{
    local::{self, Issuer, Options, SessionOptions},
    telemetry,
};

/// Run the pack upload service on this machine until Ctrl-C: the API, the builder and the schedule, with an embedded
/// S3, DynamoDB, SQS and OCI registry.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// Print a session token for an org. Local runs with the same data directory accept it for one hour.
    Session(SessionOptions),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command, options } = Cli::parse();
    telemetry::init_human();
    let result = match command {
        Some(Command::Session(session)) => Issuer::mint(&options.data_dir, &session).map(|token| println!("{token}")),
        None => local::run(options).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}
