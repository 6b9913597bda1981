//! Logs, metrics and traces. A Lambda function and `admin` log one JSON object per line; a local run logs text. Audit
//! lines have the target [`AUDIT`]. Metrics are log lines too; see [`Metrics`]. A [`Trace`] connects the lines of a
//! request or sweep with those of the jobs that it sends.

mod metrics;
mod trace;

use std::{
    env,
    io::{self, IsTerminal},
    panic,
};

use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub use self::{
    metrics::{Metrics, measured, timed},
    trace::Trace,
};

/// The target of audit lines, which record who did what: `{"target":"audit","event_type":…}`. They are logged at every
/// log level; only `RUST_LOG` can turn them off. They contain no secrets and no files from an archive.
pub const AUDIT: &str = "audit";

/// The log levels of libraries, by module prefix. Their `info` messages are not useful here, and their more verbose
/// levels log requests including headers.
const QUIET: [(&str, LevelFilter); 11] = [
    ("aws_config", LevelFilter::WARN),
    ("aws_runtime", LevelFilter::WARN),
    ("aws_sdk", LevelFilter::WARN),
    ("aws_smithy", LevelFilter::WARN),
    ("dynoxide", LevelFilter::ERROR),
    ("h2", LevelFilter::WARN),
    ("hyper", LevelFilter::WARN),
    ("lambda_", LevelFilter::WARN),
    ("reqwest", LevelFilter::WARN),
    ("rustls", LevelFilter::WARN),
    ("s3s", LevelFilter::WARN),
];

/// Sets up logging to standard output as JSON, in the format of Lambda's own JSON lines: `timestamp`, `level`,
/// `message` and the other fields of a logged event are all top-level fields. Also logs panics, and enables metrics if
/// `METRICS_NAMESPACE` is set.
pub fn init_json() {
    let lines = fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(io::stdout);
    tracing_subscriber::registry().with(lines.with_filter(filter())).init();
    metrics::init();
    panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
}

/// Sets up logging to standard error as JSON, with only audit lines and the service's warnings and errors.
pub fn init_audit() {
    let lines = fmt::layer().json().flatten_event(true).with_writer(io::stderr);
    let filter = Targets::new().with_target(AUDIT, LevelFilter::INFO).with_target("pack_upload", LevelFilter::WARN);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

/// Sets up logging to standard error as text.
pub fn init_human() {
    let lines = fmt::layer().with_ansi(io::stderr().is_terminal()).with_target(false).with_writer(io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter())).init();
}

/// Returns the log filter. If `RUST_LOG` is set and valid, it is the filter. If not, `AWS_LAMBDA_LOG_LEVEL` (set by
/// Lambda's advanced logging controls) determines the level. If that is not set, `LOG_LEVEL` does. The default is
/// `info`. An empty variable counts as not set.
fn filter() -> Targets {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let level = variable("AWS_LAMBDA_LOG_LEVEL").or_else(|| variable("LOG_LEVEL")).unwrap_or_default();
    let level = match level.to_ascii_lowercase().as_str() {
        "trace" => LevelFilter::TRACE,
        "debug" => LevelFilter::DEBUG,
        "warn" => LevelFilter::WARN,
        "error" | "fatal" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let default = || Targets::new().with_default(level).with_target(AUDIT, LevelFilter::INFO).with_targets(QUIET);
    variable("RUST_LOG").and_then(|targets| targets.parse().ok()).unwrap_or_else(default)
}
