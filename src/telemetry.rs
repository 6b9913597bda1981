//! Logs: one JSON object a line in a Lambda, lines for people on a terminal. Lines of the audit trail have a target of
//! their own, [`AUDIT`]. Metrics are lines between them, see [`Metrics`]; what belongs together has one [`Trace`].

mod metrics;
mod trace;

use std::{
    env,
    io::{self, IsTerminal},
    panic,
};

use tracing_subscriber::EnvFilter;

pub use self::{
    metrics::{Metrics, measured, timed},
    trace::Trace,
};

/// The target of the lines that say who did what: `{"target":"audit","action":…}`. No level of logging turns them off,
/// short of `RUST_LOG`. They hold ids, names, versions and digests: no secret, and nothing of an archive's content.
pub const AUDIT: &str = "audit";

/// Libraries whose `info` is noise, and whose lower levels show requests with their headers.
const QUIET: &str = "aws_config=warn,aws_runtime=warn,aws_smithy_http_client=warn,aws_smithy_runtime=warn,\
                     aws_smithy_runtime_api=warn,aws_sdk_dynamodb=warn,aws_sdk_ecr=warn,aws_sdk_s3=warn,\
                     aws_sdk_sqs=warn,dynoxide=error,s3s=warn,s3s_fs=warn,hyper=warn,hyper_util=warn,h2=warn,\
                     lambda_runtime=warn,lambda_http=warn,oci_client=warn,reqwest=warn,rustls=warn";

/// Logs JSON to standard output, in the shape that Lambda's own JSON lines have: `timestamp`, `level`, `message` and
/// the event's fields side by side. A panic is a line too, and so are metrics if `METRICS_NAMESPACE` is set.
pub fn init_json() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter())
        .with_writer(io::stdout)
        .init();
    metrics::init();
    panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
}

/// Logs the audit trail, and nothing else, as JSON to standard error.
pub fn init_audit() {
    let filter = EnvFilter::new(format!("off,{AUDIT}=info"));
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(io::stderr).init();
}

/// Logs for people to standard error.
pub fn init_human() {
    tracing_subscriber::fmt()
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_env_filter(filter())
        .with_writer(io::stderr)
        .init();
}

/// What is logged: `RUST_LOG` word by word, else our own events from the level that `AWS_LAMBDA_LOG_LEVEL` (set by
/// Lambda's advanced logging controls) or `LOG_LEVEL` names, else from `info`.
fn filter() -> EnvFilter {
    let directives = env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| {
        let level = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("LOG_LEVEL"));
        let level = match level.unwrap_or_default().to_ascii_lowercase().as_str() {
            level @ ("trace" | "debug" | "warn" | "error") => level.to_owned(),
            "fatal" => "error".to_owned(),
            _ => "info".to_owned(),
        };
        format!("{level},{AUDIT}=info,{QUIET}")
    });
    EnvFilter::new(directives)
}
