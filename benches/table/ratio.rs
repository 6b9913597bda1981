use std::{
    error::Error,
    fs::File,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use criterion::{
    Criterion, SamplingMode, Throughput,
    measurement::{Measurement, ValueFormatter},
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// The output directory of criterion.
const RESULTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/criterion");

/// A criterion measurement: the ratio of two times.
///
/// Times measured a minute apart on a shared machine cannot be compared, so each iteration measures both times, one
/// right after the other, and criterion gets only their quotient.
pub(crate) struct Ratio;

impl Measurement for Ratio {
    type Intermediate = ();
    type Value = f64;

    fn start(&self) {}

    fn end(&self, (): ()) -> f64 {
        unreachable!("all benchmarks use `iter_custom`")
    }

    fn add(&self, a: &f64, b: &f64) -> f64 {
        a + b
    }

    fn zero(&self) -> f64 {
        0.0
    }

    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for Ratio {
    fn scale_values(&self, _: f64, _: &mut [f64]) -> &'static str {
        "×"
    }

    fn scale_throughputs(&self, _: f64, _: &Throughput, _: &mut [f64]) -> &'static str {
        "×"
    }

    fn scale_for_machines(&self, _: &mut [f64]) -> &'static str {
        "ratio"
    }
}

/// Runs benchmarks with [`Ratio`]. Each benchmark divides the time of its subject by the time of its *floor*, the work
/// that the subject is compared with.
pub(crate) struct Ratios {
    criterion: Criterion<Ratio>,
    /// The times that the `floor` closures have returned since the last call to [`Ratios::take_floor`].
    floors: Vec<Duration>,
}

impl Ratios {
    pub(crate) fn new() -> Self {
        let criterion = Criterion::default().with_measurement(Ratio).output_directory(Path::new(RESULTS));
        Self { criterion, floors: Vec::new() }
    }

    /// Calls `floor` and `subject` in turn, many times. Returns the median ratio of the time that `subject` returns to
    /// the time that `floor` returns.
    pub(crate) fn median(
        &mut self,
        group: &str,
        name: &str,
        mut floor: impl FnMut() -> Duration,
        mut subject: impl FnMut() -> Duration,
    ) -> Result<f64, Box<dyn Error>> {
        let floors = &mut self.floors;
        let mut benchmarks = self.criterion.benchmark_group(group);
        benchmarks.sampling_mode(SamplingMode::Flat).sample_size(30);
        benchmarks.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(4));
        benchmarks.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let ratios = (0..iterations).map(|_| {
                    let floor = floor();
                    floors.push(floor);
                    subject().as_secs_f64() / floor.as_secs_f64()
                });
                ratios.sum()
            });
        });
        benchmarks.finish();
        let estimates = Path::new(RESULTS).join(group).join(name).join("new/estimates.json");
        let estimates: Value = serde_json::from_reader(File::open(estimates)?)?;
        Ok(estimates["median"]["point_estimate"].as_f64().ok_or("criterion wrote no estimate")?)
    }

    /// Returns the median of the floor times since the last call, and clears them.
    pub(crate) fn take_floor(&mut self) -> Duration {
        median(std::mem::take(&mut self.floors))
    }
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Returns the CPU time that this process spends on `work`, on all cores, including the time to drop the result.
pub(crate) fn cpu_time<T>(work: impl FnOnce() -> T) -> Duration {
    let now = || {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
    };
    let start = now();
    drop(black_box(work()));
    now() - start
}

/// Returns the wall-clock time of `work`, including the time to drop the result.
pub(crate) fn wall_clock_time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    drop(black_box(work()));
    start.elapsed()
}
