use std::{
    path::Path as FilePath,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
    time::timeout,
};

const INVOCATION_TIMEOUT: Duration = Duration::from_secs(60);

/// The Lambda function's response to an invocation, or the error that it reported.
pub type Outcome = Result<Value, Value>;

/// A process that runs the binary of a Lambda function. The process gets its events from a Lambda Runtime API on
/// loopback, and is killed when this value is dropped.
pub struct Function {
    process: Child,
    trace_id: String,
    log: NamedTempFile,
    runtime_api: JoinHandle<std::io::Result<()>>,
    events: mpsc::Sender<Value>,
    outcomes: mpsc::Receiver<Outcome>,
}

/// The state of the Runtime API, with the other ends of the channels in [`Function`].
struct Runtime {
    events: Mutex<mpsc::Receiver<Value>>,
    trace_id: String,
    outcomes: mpsc::Sender<Outcome>,
}

impl Function {
    /// Starts the binary with these environment variables and with those that the Lambda runtime requires. The process
    /// inherits no others.
    pub async fn start(binary: &FilePath, variables: &[(String, String)]) -> Self {
        let (events, next) = mpsc::channel(1);
        let (done, outcomes) = mpsc::channel(1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // The port makes the trace id unique to this process.
        let trace_id = format!("1-5bef4de7-ad49b0e87f6ef6c87fc2{:04x}", address.port());
        let runtime = Runtime { events: Mutex::new(next), trace_id: trace_id.clone(), outcomes: done };
        let api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_invocation))
            .route("/2018-06-01/runtime/invocation/{id}/{outcome}", post(invocation_done))
            .with_state(Arc::new(runtime));
        let runtime_api = tokio::spawn(async move { axum::serve(listener, api).await });
        let log = NamedTempFile::new().unwrap();
        let process = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "test")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "test")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "test")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.reopen().unwrap())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        Self { process, trace_id, log, runtime_api, events, outcomes }
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Returns the X-Ray trace id, which is the same for every invocation.
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// Invokes the Lambda function and waits for the outcome.
    ///
    /// # Panics
    /// Panics if the process exits, or does not respond within 60 seconds.
    pub async fn invoke(&mut self, event: Value) -> Outcome {
        self.events.send(event).await.unwrap();
        let began = Instant::now();
        loop {
            if let Ok(Some(outcome)) = timeout(Duration::from_millis(100), self.outcomes.recv()).await {
                return outcome;
            }
            assert!(self.process.try_wait().unwrap().is_none(), "the function exited: {}", self.log());
            assert!(began.elapsed() < INVOCATION_TIMEOUT, "the function did not respond: {}", self.log());
        }
    }

    /// Returns everything that the process has written to standard output and standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.runtime_api.abort();
    }
}

async fn next_invocation(State(runtime): State<Arc<Runtime>>) -> Response {
    let Some(event) = runtime.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + INVOCATION_TIMEOUT;
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:test".to_owned()),
        ("lambda-runtime-trace-id", format!("Root={};Parent=9a9197af755a6419;Sampled=1", runtime.trace_id)),
    ];
    (headers, event.to_string()).into_response()
}

async fn invocation_done(
    State(runtime): State<Arc<Runtime>>,
    Path((_, outcome)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let outcome = if outcome == "response" { Ok(body) } else { Err(body) };
    let _ = runtime.outcomes.send(outcome).await;
    StatusCode::ACCEPTED
}
