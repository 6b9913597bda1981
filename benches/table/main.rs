//! Measures the time and memory that uploads and builds take, and the time of a cold start. Prints tables.
//!
//! Most times are given as multiples of a *floor*; see [`ratio`]. For an upload, the floor is the time to decompress
//! the archive once, and to hash the archive and the tar once. Every implementation must do at least this work. For a
//! cold start, the floor is the cold start of a minimal Lambda function. Times of uploads are CPU times unless stated
//! otherwise. The time of an event excludes its decoding by `lambda_http`, which has its own column.
//!
//! With the argument `events`, measures nothing and only handles uploads of `small`, for a profiler.

mod archive;
mod event;
mod fake_aws;
mod functions;
mod ratio;
mod upload;

use std::{collections::BTreeSet, env, error::Error, fs, path::Path, time::Duration};

use flate2::read::GzDecoder;
use pack_format::Limits;
use test_support::generated;
use tokio::runtime::{Builder, Runtime};

use self::{
    fake_aws::FakeAws,
    functions::{Cost, Functions},
    ratio::{Ratios, cpu_time, wall_clock_time},
};

/// How many builds to run with attestations, and how many without. The first of each is not measured.
const SIGNED_BUILDS: usize = 50;
/// How many uploads to handle for a profiler.
const PROFILED_EVENTS: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    // The same kind of runtime as in the Lambda functions.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let small = generated::small("1.0.0");
    if env::args().any(|argument| argument == "events") {
        let (api, event) = (event::api(FakeAws::default()), upload::upload(&small).to_string());
        for _ in 0..PROFILED_EVENTS {
            event::handle(&runtime, &api, &event);
        }
        return Ok(());
    }
    let mut ratios = Ratios::new();
    let table = [
        times(&mut ratios, &runtime)?,
        calls(&runtime, &small),
        memory(&runtime, &small)?,
        large(&runtime)?,
        signing(&runtime)?,
        start(&mut ratios, &runtime, &small)?,
    ];
    println!("\n{}\n\n{}", machine()?, table.join("\n"));
    Ok(())
}

/// Returns the number of cores and the model of the CPU.
fn machine() -> Result<String, Box<dyn Error>> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} cores of {}", model.trim_start_matches([' ', '\t', ':'])))
}

/// Measures uploads of four of the generated packs. Returns a Markdown table of ratios to the floor.
fn times(ratios: &mut Ratios, runtime: &Runtime) -> Result<String, Box<dyn Error>> {
    let limits = Limits::default();
    let api = event::api(FakeAws::default());
    let mut table = "| pack | archive | unpacked | floor | validating | image | both | event to 201 | event to 201, wall-clock | decoding |\n\
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
        let floor = || cpu_time(|| archive::floor(archive));
        let mut median = |what: &str, work: &mut dyn FnMut()| ratios.median(name, what, floor, || cpu_time(&mut *work));
        let validating = median("validating", &mut || drop(archive::validate(archive, &limits)))?;
        let image = median("image", &mut || drop(validated.image()))?;
        let both = median("both", &mut || drop(archive::validate(archive, &limits).image()))?;
        let decoding = median("decoding", &mut || drop(event::decode(&event)))?;
        let handling = ratios.median(name, "event", floor, || {
            let decoding = cpu_time(|| event::decode(&event));
            cpu_time(|| event::handle(runtime, &api, &event)).saturating_sub(decoding)
        })?;
        let milliseconds = milliseconds(ratios.take_floor());
        let floor = || wall_clock_time(|| archive::floor(archive));
        let wall_clock = ratios.median(name, "event, wall-clock", floor, || {
            let decoding = wall_clock_time(|| event::decode(&event));
            wall_clock_time(|| event::handle(runtime, &api, &event)).saturating_sub(decoding)
        })?;
        ratios.take_floor();
        table += &format!(
            "| `{name}` | {} KB | {} KB | {milliseconds:.1} ms | {validating:.2} | {image:.2} | {both:.2} | \
             {handling:.2} | {wall_clock:.2} | {decoding:.2} |\n",
            archive.len() / 1_000,
            unpacked / 1_000,
        );
    }
    Ok(table)
}

/// Returns a Markdown table of the AWS calls that an upload waits for, in steps. Its rows are the first upload of a
/// process, and a later one, for which the credential is cached.
fn calls(runtime: &Runtime, small: &[u8]) -> String {
    let aws = FakeAws::recording();
    let api = event::api(aws.clone());
    let event = upload::upload(small).to_string();
    let mut table = "| calls that an upload waits for; those joined by “and” overlap | |\n|---|---|\n".to_owned();
    for name in ["first upload of a process", "later uploads with the same credential"] {
        event::handle(runtime, &api, &event);
        let quoted = |step: BTreeSet<_>| step.iter().map(|call| format!("`{call}`")).collect::<Vec<_>>().join(" and ");
        let steps: Vec<_> = aws.take_steps().into_iter().map(quoted).collect();
        table += &format!("| {name} | {} |\n", steps.join("; "));
    }
    table
}

/// Returns a Markdown table of the Lambda functions' peak memory use.
fn memory(runtime: &Runtime, small: &[u8]) -> Result<String, Box<dyn Error>> {
    let mut table = "| peak resident size | `api` | `builder` |\n|---|---|---|\n".to_owned();
    runtime.block_on(async {
        let functions = Functions::new().await?;
        for (name, event) in [
            ("the largest event, unpacking to the limit", upload::largest_upload(&generated::largest_in_request())),
            ("`small`", upload::upload(small)),
        ] {
            let peaks = functions.peaks(&event).await?;
            table += &format!("| {name} | {:.0} MiB | {:.0} MiB |\n", mebibytes(peaks.api), mebibytes(peaks.builder));
        }
        Ok(table)
    })
}

/// Measures the upload and the build of a pack just below the limits for archives sent to S3. Returns a Markdown table
/// of memory and times.
fn large(runtime: &Runtime) -> Result<String, Box<dyn Error>> {
    let archive = generated::largest_through_s3();
    let compressed = archive.len();
    let unpacked = std::io::copy(&mut GzDecoder::new(&archive[..]), &mut std::io::sink())?;
    let floor = cpu_time(|| archive::floor(&archive));
    let [api, builder] = runtime.block_on(async { Functions::new().await?.large(archive).await })?;
    let ratio = |time: Duration| time.as_secs_f64() / floor.as_secs_f64();
    Ok(format!(
        "| {:.0} MiB through S3, unpacking to {:.0} MiB | `api` | `builder` |\n|---|---|---|\n\
         | peak resident size | {:.0} MiB | {:.0} MiB |\n\
         | CPU time, as a multiple of the floor ({:.2} s) | {:.2} | {:.2} |\n\
         | from the event to the response, on these cores | {:.1} s | {:.1} s |\n",
        mebibytes(compressed as u64),
        mebibytes(unpacked),
        mebibytes(api.peak),
        mebibytes(builder.peak),
        floor.as_secs_f64(),
        ratio(api.cpu_time),
        ratio(builder.cpu_time),
        api.wall_clock_time.as_secs_f64(),
        builder.wall_clock_time.as_secs_f64(),
    ))
}

/// Measures builds of `small` with and without attestations. Returns a Markdown table of times.
fn signing(runtime: &Runtime) -> Result<String, Box<dyn Error>> {
    let uploads = [1, 2].map(|major| {
        let versions = (0..SIGNED_BUILDS).map(|minor| generated::small(&format!("{major}.{minor}.0")));
        versions.map(|archive| upload::upload(&archive)).collect()
    });
    let [unsigned, signed] = runtime.block_on(async { Functions::new().await?.signing(uploads).await })?;
    let row = |name: &str, cost: &Cost| {
        let (cpu_time, wall_clock_time) = (milliseconds(cost.cpu_time), milliseconds(cost.wall_clock_time));
        format!("| {name} | {cpu_time:.1} ms | {wall_clock_time:.1} ms |\n")
    };
    Ok(format!(
        "| a build of `small` | CPU time | wall-clock |\n|---|---|---|\n{}{}",
        row("without an attestation", &unsigned),
        row("attested with a key file", &signed)
    ))
}

/// Measures cold starts of `api`. Returns a Markdown table of the start time, the extra time for the first upload, and
/// the binary's size.
fn start(ratios: &mut Ratios, runtime: &Runtime, small: &[u8]) -> Result<String, Box<dyn Error>> {
    let hello = functions::hello()?;
    let start = |binary: &Path| functions::start(binary).expect("a function starts");
    let ratio = ratios.median("start", "api", || start(&hello), || start(Path::new(functions::API)))?;
    let hello = milliseconds(ratios.take_floor());
    let extra = runtime.block_on(async { Functions::new().await?.first_upload(&upload::upload(small)).await })?;
    let size = fs::metadata(functions::API)?.len();
    Ok(format!(
        "| cold start of `api` | |\n|---|---|\n\
         | time from start to first poll, as a multiple of a minimal function's ({hello:.1} ms) | {ratio:.2} |\n\
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
