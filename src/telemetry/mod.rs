//! Logs: one JSON object a line in a Lambda, lines for people on a terminal. Lines of the audit trail have a target of
//! their own, [`AUDIT`]. Metrics are lines between them, see [`Metrics`]; what belongs together has one [`Trace`].

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

/// The target of the lines that say who did what: `{"target":"audit","action":…}`. No level of logging turns them off,
/// short of `RUST_LOG`. They hold ids, names, versions and digests: no secret, and nothing of an archive's content.
pub const AUDIT: &str = "audit";

/// Libraries, by how the names of their modules begin, whose `info` is noise, and whose lower levels show requests with
/// their headers; and what is told of them.
const QUIET: [(&str, LevelFilter); 12] = [
    ("aws_config", LevelFilter::WARN),
    ("aws_runtime", LevelFilter::WARN),
    ("aws_sdk", LevelFilter::WARN),
    ("aws_smithy", LevelFilter::WARN),
    ("dynoxide", LevelFilter::ERROR),
    ("h2", LevelFilter::WARN),
    ("hyper", LevelFilter::WARN),
    ("lambda_", LevelFilter::WARN),
    ("oci_client", LevelFilter::WARN),
    ("reqwest", LevelFilter::WARN),
    ("rustls", LevelFilter::WARN),
    ("s3s", LevelFilter::WARN),
];

/// Logs JSON to standard output, in the shape that Lambda's own JSON lines have: `timestamp`, `level`, `message` and
/// the event's fields side by side. A panic is a line too, and so are metrics if `METRICS_NAMESPACE` is set.
pub fn init_json() {
    let lines = fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(io::stdout);
    tracing_subscriber::registry().with(lines.with_filter(filter())).init();
    metrics::init();
    panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
}

/// Logs the audit trail, and nothing else, as JSON to standard error.
pub fn init_audit() {
    let lines = fmt::layer().json().flatten_event(true).with_writer(io::stderr);
    let filter = Targets::new().with_target(AUDIT, LevelFilter::INFO);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

/// Logs for people to standard error.
pub fn init_human() {
    let lines = fmt::layer().with_ansi(io::stderr().is_terminal()).with_target(false).with_writer(io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter())).init();
}

/// What is logged: what `RUST_LOG` says, else our own events from the level that `AWS_LAMBDA_LOG_LEVEL` (set by Lambda's
/// advanced logging controls) or `LOG_LEVEL` names, else from `info`.
fn filter() -> Targets {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("LOG_LEVEL")).unwrap_or_default();
    let level = match level.to_ascii_lowercase().as_str() {
        "trace" => LevelFilter::TRACE,
        "debug" => LevelFilter::DEBUG,
        "warn" => LevelFilter::WARN,
        "error" | "fatal" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let ours = || Targets::new().with_default(level).with_target(AUDIT, LevelFilter::INFO).with_targets(QUIET);
    env::var("RUST_LOG").ok().and_then(|targets| targets.parse().ok()).unwrap_or_else(ours)
}
