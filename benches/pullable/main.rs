//! Measures the time from an upload to `local` until the image can be pulled, and the time that other tools take to
//! push an image made from the same archive. Those tools validate nothing. Prints a table.
//!
//! Each time is divided by the time that `skopeo copy` takes to push the finished image, because `skopeo copy` does
//! nothing but send it. Each round measures `local` and then each tool. It uses a new version of the pack, so that none
//! of the target repositories has the layer yet. Needs docker-registry and skopeo. Leaves out any other tool that is
//! not installed, and crane unless `CRANE` is the path of its binary.

mod servers;
mod tools;

use std::{
    error::Error,
    fs,
    io::{Read as _, Write as _},
    time::Duration,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use tempfile::TempDir;
use test_support::generated;

use self::{
    servers::{DockerRegistry, Local},
    tools::{SKOPEO, Tool, tools},
};

/// The number of measured rounds for each pack. An unmeasured round comes first.
const ROUNDS: usize = 9;

// The HTTP client runs on this thread only, so that `local` and the registry can use most of a two-core machine.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (registry, other_registry) = (DockerRegistry::start()?, DockerRegistry::start()?);
    let local = Local::start(&registry.address)?;
    let tools = tools();
    let names: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    println!("| pack | {SKOPEO} | `local`, upload to `ready` | {} |", names.join(" | "));
    println!("|---|---|---|{}", "---|".repeat(tools.len()));
    for (name, archive) in [
        ("small", generated::small("1.0.0")),
        ("text", generated::text()),
        ("many", generated::many()),
        ("binary", generated::binary()),
    ] {
        let mut times = vec![Vec::new(); tools.len() + 2];
        for round in 0..=ROUNDS {
            let scratch = TempDir::new()?;
            let archive = with_version(&archive, round)?;
            let (image, ready) = local.upload(&archive).await?;
            let archive_file = scratch.path().join("archive.tar.gz");
            fs::write(&archive_file, &archive)?;
            Tool::fetch(&image).run(scratch.path(), "")?;
            let measure = |index: usize, tool: &Tool| {
                let target = format!("{}/tool-{index}/{name}:1.0.{round}", other_registry.address);
                tool.run(scratch.path(), &target)
            };
            let mut round_times = vec![measure(0, &Tool::copy())?, ready];
            for (index, tool) in tools.iter().enumerate() {
                round_times.push(measure(index + 1, tool)?);
            }
            if round > 0 {
                times.iter_mut().zip(round_times).for_each(|(times, time)| times.push(time));
            }
        }
        let medians: Vec<_> = times.into_iter().map(|times| median(times).as_secs_f64()).collect();
        let ratios: Vec<_> = medians[1..].iter().map(|time| format!("{:.2}", time / medians[0])).collect();
        println!("| `{name}` | {:.0} ms | {} |", medians[0] * 1_000.0, ratios.join(" | "));
    }
    Ok(())
}

/// Returns a copy of the archive with the pack's version changed from `1.0.0` to `1.0.<patch>`. `patch` must be a
/// single digit.
fn with_version(archive: &[u8], patch: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut tar = Vec::new();
    GzDecoder::new(archive).read_to_end(&mut tar)?;
    let version = b"version: 1.0.0";
    let start = tar.windows(version.len()).position(|window| window == version).ok_or("no version")?;
    let digit = char::from_digit(u32::try_from(patch)?, 10).ok_or("more than one digit")?;
    tar[start + version.len() - 1] = digit as u8;
    let mut compressed = GzEncoder::new(Vec::new(), Compression::default());
    compressed.write_all(&tar)?;
    Ok(compressed.finish()?)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
