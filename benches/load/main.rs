//! Compares `local` and pypiserver under load, with the same archives and the same number of clients. Prints a table of
//! throughput, latency and CPU time.
//!
//! pypiserver runs under gunicorn, because its own server handles one request at a time. Both are PyPI packages. If
//! gunicorn is not on `PATH`, only `local` is measured.

mod clients;
mod server;
mod versions;

use std::{error::Error, time::Duration};

use clap::Parser;

use self::{clients::Load, server::Server, versions::Versions};

/// Measure uploads to `local` and to pypiserver under load.
#[derive(Parser)]
struct Arguments {
    /// How long to load each server, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Number of concurrent clients.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Ignored. Cargo passes it to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

// All clients share one thread, so that the server can use most of a two-core machine.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { seconds, clients, .. } = Arguments::parse();
    let versions = Versions::new()?;
    let length = versions.archive(0).len();
    println!("{clients} clients for {seconds} s, uploads of {length} bytes\n");
    println!("| | uploads per second | p50 | p99 | CPU time per upload | failed | client CPU time per upload |");
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

async fn measure(
    server: Server,
    versions: &Versions,
    clients: usize,
    duration: Duration,
) -> Result<(), Box<dyn Error>> {
    let load = Load::run(&server, versions, clients, duration).await?;
    let accepted = load.times.len();
    let cpu_time = server.finish(accepted).await?;
    let per_upload = |time: Duration| milliseconds(time) / accepted as f64;
    println!(
        "| {} | {:.0} | {:.1} ms | {:.1} ms | {:.2} ms | {} | {:.2} ms |",
        server.name,
        accepted as f64 / load.elapsed.as_secs_f64(),
        milliseconds(load.percentile(50)),
        milliseconds(load.percentile(99)),
        per_upload(cpu_time),
        load.failures.len(),
        per_upload(load.cpu_time),
    );
    match load.failures.first() {
        Some(failure) => Err(format!("{} uploads failed; the first error: {failure}", load.failures.len()).into()),
        None => Ok(()),
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
