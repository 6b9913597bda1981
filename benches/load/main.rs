//! `local` and pypiserver under load, each taking the same archives from as many clients: a table of how many they take,
//! how long each upload waits, and what it costs in CPU time.
//!
//! pypiserver runs under gunicorn, since its own server takes one request at a time. Both come from PyPI; where they
//! are not on `PATH`, `local` is measured alone.

mod clients;
mod server;
mod versions;

use std::{error::Error, time::Duration};

use clap::Parser;

use self::{clients::Load, server::Server, versions::Versions};

/// Measures uploads to `local` and to pypiserver under load.
#[derive(Parser)]
struct Arguments {
    /// How long each is under load.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many clients upload at once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

// One thread for all clients, so that most of two cores is the server's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { seconds, clients, .. } = Arguments::parse();
    let versions = Versions::new()?;
    let length = versions.archive(0).len();
    println!("{clients} clients for {seconds} s, an archive of {length} bytes each time\n");
    println!("| | uploads a second | p50 | p99 | CPU time an upload | failed | of the clients |");
    println!("|---|---|---|---|---|---|---|");
    measure(Server::local().await?, &versions, clients, Duration::from_secs(seconds)).await?;
    match Server::pypiserver().await? {
        Some(server) => measure(server, &versions, clients, Duration::from_secs(seconds)).await,
        None => {
            println!("\npypiserver and gunicorn are not installed");
            Ok(())
        }
    }
}

async fn measure(server: Server, versions: &Versions, clients: usize, long: Duration) -> Result<(), Box<dyn Error>> {
    let load = Load::put_on(&server, versions, clients, long).await?;
    let taken_in = load.times.len();
    let cpu_time = server.finish(taken_in).await?;
    let each = |time: Duration| milliseconds(time) / taken_in as f64;
    println!(
        "| {} | {:.0} | {:.1} ms | {:.1} ms | {:.2} ms | {} | {:.2} ms |",
        server.name,
        taken_in as f64 / load.lasted.as_secs_f64(),
        milliseconds(load.percentile(50)),
        milliseconds(load.percentile(99)),
        each(cpu_time),
        load.failures.len(),
        each(load.cpu_time),
    );
    match load.failures.first() {
        Some(failure) => Err(format!("{} of the uploads failed, the first one: {failure}", load.failures.len()).into()),
        None => Ok(()),
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
