use std::{
    env,
    io::{self, Write},
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Map, Value, json};

/// The CloudWatch namespace of the metrics. If it is not set, no metrics are written.
static NAMESPACE: OnceLock<String> = OnceLock::new();

/// Enables metrics if `METRICS_NAMESPACE` is set.
pub(super) fn init() {
    if let Some(namespace) = env::var("METRICS_NAMESPACE").ok().filter(|namespace| !namespace.is_empty()) {
        // This fails only if the namespace was already set, to the same value.
        let _ = NAMESPACE.set(namespace);
    }
}

/// Metrics that are written to standard output as one line of JSON. CloudWatch Logs extracts them (Amazon CloudWatch
/// user guide, "Specification: Embedded metric format").
#[derive(Debug, Default)]
pub struct Metrics {
    dimension: Option<(&'static str, String)>,
    metrics: Vec<Metric>,
}

#[derive(Debug)]
struct Metric {
    name: &'static str,
    unit: &'static str,
    value: f64,
}

impl Metrics {
    /// Returns metrics with a dimension. The dimension must have only a few distinct values, because CloudWatch creates
    /// a separate metric for each.
    pub fn by(dimension: &'static str, value: impl Into<String>) -> Self {
        Self { dimension: Some((dimension, value.into())), metrics: Vec::new() }
    }

    #[must_use]
    pub fn count(self, name: &'static str, value: usize) -> Self {
        self.with(name, "Count", value as f64)
    }

    #[must_use]
    pub fn bytes(self, name: &'static str, value: u64) -> Self {
        self.with(name, "Bytes", value as f64)
    }

    #[must_use]
    pub fn milliseconds(self, name: &'static str, value: Duration) -> Self {
        self.with(name, "Milliseconds", value.as_secs_f64() * 1_000.0)
    }

    #[must_use]
    pub fn seconds(self, name: &'static str, value: Duration) -> Self {
        self.with(name, "Seconds", value.as_secs_f64())
    }

    fn with(mut self, name: &'static str, unit: &'static str, value: f64) -> Self {
        self.metrics.push(Metric { name, unit, value });
        self
    }

    /// Writes the metrics if they are enabled.
    pub fn write(&self) {
        let Some(namespace) = NAMESPACE.get() else { return };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let line = self.line(namespace, now);
        // If standard output is closed, drop the metrics rather than fail the work.
        let _ = writeln!(io::stdout().lock(), "{line}");
    }

    fn line(&self, namespace: &str, now: Duration) -> Value {
        let metrics: Vec<Value> =
            self.metrics.iter().map(|metric| json!({"Name": metric.name, "Unit": metric.unit})).collect();
        let dimensions: Vec<&str> = self.dimension.iter().map(|(name, _)| *name).collect();
        let directive = json!({"Namespace": namespace, "Dimensions": [dimensions], "Metrics": metrics});
        let mut line = Map::new();
        line.insert("_aws".to_owned(), json!({"Timestamp": now.as_millis() as u64, "CloudWatchMetrics": [directive]}));
        line.extend(self.dimension.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        line.extend(self.metrics.iter().map(|metric| (metric.name.to_owned(), json!(metric.value))));
        Value::Object(line)
    }
}

/// Awaits a future and writes its wall-clock time in milliseconds as the metric `name`.
pub fn measured<T>(name: &'static str, work: impl Future<Output = T>) -> impl Future<Output = T> {
    let timed = timed(work);
    async move {
        let (done, time) = timed.await;
        Metrics::default().milliseconds(name, time).write();
        done
    }
}

/// Awaits a future and returns its output and its wall-clock time.
pub fn timed<T>(work: impl Future<Output = T>) -> impl Future<Output = (T, Duration)> {
    // Box the future: it contains every future that it awaits, and the SDK's nested futures would overflow the stack.
    let work = Box::pin(work);
    async move {
        let started = Instant::now();
        let done = work.await;
        (done, started.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_follows_the_embedded_metric_format() {
        let metrics = Metrics::by("Outcome", "created").count("Uploads", 1).bytes("UploadSize", 1_302);
        assert_eq!(
            metrics.line("PackUpload/packs", Duration::from_millis(1_794_396_780_123)),
            json!({
                "_aws": {
                    "Timestamp": 1_794_396_780_123_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "PackUpload/packs",
                        "Dimensions": [["Outcome"]],
                        "Metrics": [{"Name": "Uploads", "Unit": "Count"}, {"Name": "UploadSize", "Unit": "Bytes"}],
                    }],
                },
                "Outcome": "created",
                "Uploads": 1.0,
                "UploadSize": 1302.0,
            })
        );
    }

    #[test]
    fn durations_have_their_unit_and_the_dimension_is_optional() {
        let age = Duration::from_millis(1_500);
        let line = Metrics::default().milliseconds("BuildTime", age).seconds("OldestBuildAge", age).line("n", age);
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
        assert_eq!((&line["BuildTime"], &line["OldestBuildAge"]), (&json!(1_500.0), &json!(1.5)));
    }
}
