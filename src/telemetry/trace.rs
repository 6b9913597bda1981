use lambda_runtime::Context;

tokio::task_local! {
    static CURRENT: Option<Trace>;
}

/// An X-Ray trace. The message with a build or purge job contains the trace of the request or sweep that sent it, so
/// that one query finds the log lines of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(String);

impl Trace {
    /// Parses a tracing header such as `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`
    /// (X-Ray developer guide, "Tracing header"). Returns `None` if it contains no valid trace id.
    pub fn parse(header: &str) -> Option<Self> {
        let trace = Self(header.to_owned());
        let (version, rest) = trace.id().split_once('-')?;
        let (time, unique) = rest.split_once('-')?;
        let hexadecimal = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        (version == "1" && hexadecimal(time, 8) && hexadecimal(unique, 24)).then_some(trace)
    }

    /// Returns the trace of an invocation.
    pub fn from_context(context: &Context) -> Option<Self> {
        Self::parse(context.xray_trace_id.as_deref()?)
    }

    /// Returns the header as received.
    pub fn header(&self) -> &str {
        &self.0
    }

    /// Returns the trace's id, which is logged as `trace_id`.
    pub fn id(&self) -> &str {
        self.0.split(';').find_map(|field| field.strip_prefix("Root=")).unwrap_or_default()
    }

    /// Runs a future with `trace` as its [current](Self::current) trace.
    pub fn scope<Work: Future>(trace: Option<Self>, work: Work) -> impl Future<Output = Work::Output> {
        CURRENT.scope(trace, work)
    }

    /// Returns the trace of the innermost [`Trace::scope`] that is running, if any.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok().flatten()
    }
}
