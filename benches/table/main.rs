//! What an upload costs, in time and in memory: a table of it, beside the least that it could cost.
//!
//! The least is the *floor*: to inflate the archive once, and to hash what came and what came out once. Times are ratios
//! to the floor, which is measured with each of them in the same breath, and they are processor times where nothing else
//! is said: see [`ratio`]. An event's time is without that of its decoding by `lambda_http`, which is given beside it.

mod answers;
mod archive;
mod event;
mod functions;
mod ratio;
mod upload;

use std::{error::Error, fs, path::Path, time::Duration};

use flate2::read::GzDecoder;
use pack_format::Limits;
use test_support::generated;
use tokio::runtime::{Builder, Runtime};

use self::{
    functions::Functions,
    ratio::{Ratios, processor_time, waiting_time},
};

fn main() -> Result<(), Box<dyn Error>> {
    // As the functions' own, by `tokio::main`.
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let mut ratios = Ratios::new();
    let small = generated::small("1.0.0");
    let table = [
        times(&mut ratios, &runtime)?,
        memory(&runtime, &small)?,
        large(&runtime)?,
        start(&mut ratios, &runtime, &small)?,
    ];
    println!("\n{}\n\n{}", machine()?, table.join("\n"));
    Ok(())
}

/// What this was measured on.
fn machine() -> Result<String, Box<dyn Error>> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} cores of {}", model.trim_start_matches([' ', '\t', ':'])))
}

/// The times of uploads, as ratios to the floor.
fn times(ratios: &mut Ratios, runtime: &Runtime) -> Result<String, Box<dyn Error>> {
    let limits = Limits::default();
    let api = event::api();
    let mut table = "| pack | archive | unpacked | the floor | validating | image | both | event to 201 | the same, waited for | decoding |\n\
                     |---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (name, archive) in [
        ("small", generated::small("1.0.0")),
        ("text", generated::text()),
        ("many", generated::many()),
        ("binary", generated::binary()),
    ] {
        let (archive, event) = (&archive[..], upload::upload(&archive).to_string());
        let unpacked = std::io::copy(&mut GzDecoder::new(archive), &mut std::io::sink())?;
        let mut validated = archive::validate(archive, &limits);
        let floor = || processor_time(|| archive::floor(archive));
        let mut median =
            |what: &str, work: &mut dyn FnMut()| ratios.median(name, what, floor, || processor_time(&mut *work));
        let validating = median("validating", &mut || drop(archive::validate(archive, &limits)))?;
        let imaging = median("image", &mut || drop(validated.image()))?;
        let both = median("both", &mut || drop(archive::validate(archive, &limits).image()))?;
        let decoding = median("decoding", &mut || drop(event::decode(&event)))?;
        let answering = ratios.median(name, "event", floor, || {
            let decoding = processor_time(|| event::decode(&event));
            processor_time(|| event::answer(runtime, &api, &event)).saturating_sub(decoding)
        })?;
        let milliseconds = milliseconds(ratios.take_floor());
        let floor = || waiting_time(|| archive::floor(archive));
        let waiting = ratios.median(name, "event, waited for", floor, || {
            let decoding = waiting_time(|| event::decode(&event));
            waiting_time(|| event::answer(runtime, &api, &event)).saturating_sub(decoding)
        })?;
        ratios.take_floor();
        table += &format!(
            "| `{name}` | {} KB | {} KB | {milliseconds:.1} ms | {validating:.2} | {imaging:.2} | {both:.2} | \
             {answering:.2} | {waiting:.2} | {decoding:.2} |\n",
            archive.len() / 1_000,
            unpacked / 1_000,
        );
    }
    Ok(table)
}

/// What the functions have in memory at their worst.
fn memory(runtime: &Runtime, small: &[u8]) -> Result<String, Box<dyn Error>> {
    let mut table = "| peak resident size | `api` | `builder` |\n|---|---|---|\n".to_owned();
    runtime.block_on(async {
        let functions = Functions::new().await?;
        for (name, event) in [
            ("the largest event, unpacking to the limit", upload::largest_upload(&generated::largest())),
            ("`small`", upload::upload(small)),
        ] {
            let peaks = functions.peaks(&event).await?;
            table += &format!("| {name} | {:.0} MiB | {:.0} MiB |\n", mebibytes(peaks.api), mebibytes(peaks.builder));
        }
        Ok(table)
    })
}

/// What the largest pack costs the functions.
fn large(runtime: &Runtime) -> Result<String, Box<dyn Error>> {
    let archive = generated::largest_by_way_of_s3();
    let compressed = archive.len();
    let unpacked = std::io::copy(&mut GzDecoder::new(&archive[..]), &mut std::io::sink())?;
    let floor = processor_time(|| archive::floor(&archive));
    let [api, builder] = runtime.block_on(async { Functions::new().await?.large(archive).await })?;
    let ratio = |time: Duration| time.as_secs_f64() / floor.as_secs_f64();
    Ok(format!(
        "| {:.0} MiB by way of S3, unpacking to {:.0} MiB | `api` | `builder` |\n|---|---|---|\n\
         | peak resident size | {:.0} MiB | {:.0} MiB |\n\
         | processor time, the floor being 1 ({:.2} s) | {:.2} | {:.2} |\n\
         | from the event to the answer, on these cores | {:.1} s | {:.1} s |\n",
        mebibytes(compressed as u64),
        mebibytes(unpacked),
        mebibytes(api.peak),
        mebibytes(builder.peak),
        floor.as_secs_f64(),
        ratio(api.processor_time),
        ratio(builder.processor_time),
        api.waited.as_secs_f64(),
        builder.waited.as_secs_f64(),
    ))
}

/// How long a cold function takes.
fn start(ratios: &mut Ratios, runtime: &Runtime, small: &[u8]) -> Result<String, Box<dyn Error>> {
    let hello = functions::hello()?;
    let start = |binary: &Path| functions::start(binary).expect("a function starts");
    let ratio = ratios.median("start", "api", || start(&hello), || start(Path::new(functions::API)))?;
    let hello = milliseconds(ratios.take_floor());
    let extra = runtime.block_on(async { Functions::new().await?.first_upload(&upload::upload(small)).await })?;
    let size = fs::metadata(functions::API)?.len();
    Ok(format!(
        "| cold start of `api` | |\n|---|---|\n\
         | start to first poll, a hello world's being 1 ({hello:.1} ms) | {ratio:.2} |\n\
         | the first upload (`small`) takes longer than the second by | {:.1} ms |\n\
         | size of the binary | {:.1} MB |\n",
        milliseconds(extra),
        size as f64 / 1e6,
    ))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
