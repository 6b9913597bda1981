use lambda_runtime::Context;

tokio::task_local! {
    static CURRENT: Option<Trace>;
}

/// The trace of X-Ray that work is done for. It goes from a request with its job through the queue into the build, so
/// that one query of the logs finds all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(String);

impl Trace {
    /// The trace that a header names: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1` (X-Ray
    /// developer guide, "Tracing header"). None if it names none.
    pub fn parse(header: &str) -> Option<Self> {
        let trace = Self(header.to_owned());
        let (version, rest) = trace.id().split_once('-')?;
        let (time, unique) = rest.split_once('-')?;
        let hexadecimal = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        (version == "1" && hexadecimal(time, 8) && hexadecimal(unique, 24)).then_some(trace)
    }

    /// The trace of an invocation.
    pub fn from_context(context: &Context) -> Option<Self> {
        Self::parse(context.xray_trace_id.as_deref()?)
    }

    /// The header, as it came.
    pub fn header(&self) -> &str {
        &self.0
    }

    /// The trace's id, which logs have as `trace_id`.
    pub fn id(&self) -> &str {
        self.0.split(';').find_map(|field| field.strip_prefix("Root=")).unwrap_or_default()
    }

    /// Does work for a trace, which is the [current](Self::current) one meanwhile.
    pub fn scope<Work: Future>(trace: Option<Self>, work: Work) -> impl Future<Output = Work::Output> {
        CURRENT.scope(trace, work)
    }

    /// The trace that this task works for, if any.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok().flatten()
    }
}
