//! The whole system on one machine: see [`pack_upload::local`].

use std::{error::Error, process::ExitCode};

use clap::Parser;
use pack_upload::{
    local::{self, Options},
    telemetry,
};

/// Runs the whole pack upload service on this machine, until Ctrl-C: the API, the builder and the schedule, on embedded
/// S3, DynamoDB, SQS and OCI registry.
#[derive(Parser)]
#[command(version)]
struct Command {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command { options } = Command::parse();
    telemetry::init_human();
    match local::run(options).await {
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
