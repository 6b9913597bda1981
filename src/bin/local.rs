//! The whole system on one machine: see [`pack_upload::local`].

use std::{error::Error, process::ExitCode};

use clap::Parser;
use pack_upload::{
    local::{self, Options},
    telemetry,
};

#[derive(Parser)]
#[command(version, about)]
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
