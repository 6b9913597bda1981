//! Measures the binaries of the Lambda functions, which get their events from a Runtime API on loopback.

use std::{
    error::Error,
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use pack_upload::{aws::Table, local::seed};
use serde_json::{Value, json};
use test_support::{Embedded, Function, Outcome, event, process};

use crate::{ratio::median, upload};

/// How long to wait for a Lambda function to start before sending its first event.
const START_TIME: Duration = Duration::from_millis(300);
/// How many times the same upload is repeated to measure a warm `api`.
const REPEATS: usize = 3;

pub(crate) const API: &str = env!("CARGO_BIN_EXE_api");
const BUILDER: &str = env!("CARGO_BIN_EXE_builder");

/// The Lambda functions' environment variables and embedded backends. The table contains the orgs that `local` seeds.
pub(crate) struct Functions {
    embedded: Embedded,
    variables: Vec<(String, String)>,
}

/// The peak resident set size (RSS) of each process, in bytes.
pub(crate) struct Peaks {
    pub(crate) api: u64,
    pub(crate) builder: u64,
}

/// The cost of handling an event.
pub(crate) struct Cost {
    /// The peak RSS of the process, in bytes.
    pub(crate) peak: u64,
    pub(crate) cpu_time: Duration,
    pub(crate) wall_clock_time: Duration,
}

impl Functions {
    pub(crate) async fn new() -> Result<Self, Box<dyn Error>> {
        let embedded = Embedded::start().await;
        let Embedded { backends, clients, options, queues, .. } = &embedded;
        seed(&Table::new(clients.dynamodb.clone(), options.table_name.clone())).await?;
        let registry = backends.registry.to_string();
        let variables = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local-secret"),
            ("AWS_ENDPOINT_URL_S3", &backends.endpoints.s3),
            ("AWS_ENDPOINT_URL_DYNAMODB", &backends.endpoints.dynamodb),
            ("AWS_ENDPOINT_URL_SQS", &backends.endpoints.sqs),
            ("TABLE_NAME", &options.table_name),
            ("STAGING_BUCKET", &options.staging_bucket),
            ("BUILD_QUEUE_URL", &queues.builds),
            ("PURGE_QUEUE_URL", &queues.purges),
            ("REGISTRY", &registry),
            ("ORG_UPLOADS_PER_MINUTE", "1000000"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Ok(Self { embedded, variables })
    }

    /// Measures the peak memory of new processes that accept and build an upload. `api` then gets the same upload a few
    /// more times, as a warm Lambda function would.
    pub(crate) async fn peaks(&self, upload: &Value) -> Result<Peaks, Box<dyn Error>> {
        let mut api = Function::start(API.as_ref(), &self.variables).await;
        let mut builder = Function::start(BUILDER.as_ref(), &self.variables).await;
        expect_success(api.invoke(upload.clone()).await)?;
        expect_built(builder.invoke(self.take_job().await?).await)?;
        for _ in 0..REPEATS {
            expect_success(api.invoke(upload.clone()).await)?;
        }
        Ok(Peaks { api: peak(api.process_id())?, builder: peak(builder.process_id())? })
    }

    /// Returns how much longer a new process takes for its first upload than for its second (median).
    pub(crate) async fn first_upload(&self, upload: &Value) -> Result<Duration, Box<dyn Error>> {
        let mut extra = Vec::new();
        for _ in 0..15 {
            let mut api = Function::start(API.as_ref(), &self.variables).await;
            tokio::time::sleep(START_TIME).await;
            let mut times = [Duration::ZERO; 2];
            for time in &mut times {
                let start = Instant::now();
                expect_success(api.invoke(upload.clone()).await)?;
                *time = start.elapsed();
            }
            let [first, second] = times;
            extra.push(first.saturating_sub(second));
        }
        Ok(median(extra))
    }

    /// Sends an archive to S3, then measures what it costs `api` to accept the archive and `builder` to build its
    /// image.
    pub(crate) async fn large(&self, archive: Vec<u8>) -> Result<[Cost; 2], Box<dyn Error>> {
        let mut api = Function::start(API.as_ref(), &self.variables).await;
        let upload = expect_success(api.invoke(upload::begin(&archive)).await)?;
        let mut put = reqwest::Client::new().put(upload["url"].as_str().ok_or("no url")?).body(archive);
        for (name, value) in upload["headers"].as_object().ok_or("no headers")? {
            put = put.header(name, value.as_str().unwrap_or_default());
        }
        put.send().await?.error_for_status()?;

        let mut api = Function::start(API.as_ref(), &self.variables).await;
        let submit = upload::submit(upload["upload_id"].as_str().ok_or("no upload_id")?);
        let (accepted, api) = measure(&mut api, submit).await?;
        expect_success(accepted)?;
        let mut builder = Function::start(BUILDER.as_ref(), &self.variables).await;
        let (built, builder) = measure(&mut builder, self.take_job().await?).await?;
        expect_built(built)?;
        Ok([api, builder])
    }

    /// Builds the first list of uploads without attestations and the second with attestations. Returns the cost of a
    /// build for each list, as measured by [`Self::builds`].
    pub(crate) async fn signing(&self, uploads: [Vec<Value>; 2]) -> Result<[Cost; 2], Box<dyn Error>> {
        let key = self.embedded.options.data_dir.join("signing-key.pem");
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?.to_pkcs8v1()?;
        fs::write(&key, pem::encode(&pem::Pem::new("PRIVATE KEY", pair.as_ref())))?;
        let key = key.to_string_lossy().into_owned();
        let signing = [("SIGNING", "file".to_owned()), ("SIGNING_KEY_FILE", key)];
        let signing = signing.map(|(name, value)| (name.to_owned(), value));
        let [unsigned, signed] = uploads;
        let unsigned = self.builds(&self.variables, unsigned).await?;
        let signed = self.builds(&[&self.variables[..], &signing].concat(), signed).await?;
        Ok([unsigned, signed])
    }

    /// Accepts the uploads, and builds all of them in one process. Returns the average CPU time and the median
    /// wall-clock time of all builds except the first, and the peak RSS of the process. The kernel counts CPU time in
    /// units of 10 ms, so the CPU time of a single build would be 0 or 10 ms.
    async fn builds(&self, variables: &[(String, String)], uploads: Vec<Value>) -> Result<Cost, Box<dyn Error>> {
        let mut api = Function::start(API.as_ref(), variables).await;
        let mut builder = Function::start(BUILDER.as_ref(), variables).await;
        let mut costs = Vec::new();
        for upload in uploads {
            expect_success(api.invoke(upload).await)?;
            let (built, cost) = measure(&mut builder, self.take_job().await?).await?;
            expect_built(built)?;
            costs.push(cost);
        }
        costs.remove(0);
        let builds = u32::try_from(costs.len())?;
        Ok(Cost {
            peak: costs.iter().map(|cost| cost.peak).max().unwrap_or_default(),
            cpu_time: costs.iter().map(|cost| cost.cpu_time).sum::<Duration>() / builds,
            wall_clock_time: median(costs.iter().map(|cost| cost.wall_clock_time).collect()),
        })
    }

    /// Removes the oldest job from the build queue, and returns the event that would deliver it to `builder`.
    async fn take_job(&self) -> Result<Value, Box<dyn Error>> {
        let Embedded { clients, queues, .. } = &self.embedded;
        let received = clients.sqs.receive_message().queue_url(&queues.builds).send().await?;
        let job = received.messages.unwrap_or_default().pop().ok_or("no job")?;
        let handle = job.receipt_handle.unwrap_or_default();
        clients.sqs.delete_message().queue_url(&queues.builds).receipt_handle(handle).send().await?;
        let mut event = event("build-job");
        event["Records"][0]["body"] = json!(job.body.unwrap_or_default());
        Ok(event)
    }
}

/// Returns the body of a successful response. The first upload of an archive gets a 201, and later ones get a 200.
fn expect_success(outcome: Outcome) -> Result<Value, Box<dyn Error>> {
    match outcome {
        Ok(response) if response["statusCode"] == 201 || response["statusCode"] == 200 => {
            Ok(serde_json::from_str(response["body"].as_str().ok_or("no body")?)?)
        }
        other => Err(format!("an upload failed: {other:?}").into()),
    }
}

fn expect_built(outcome: Outcome) -> Result<(), Box<dyn Error>> {
    match outcome {
        Ok(response) if response == json!({"batchItemFailures": []}) => Ok(()),
        other => Err(format!("the build failed: {other:?}").into()),
    }
}

async fn measure(function: &mut Function, event: Value) -> Result<(Outcome, Cost), Box<dyn Error>> {
    let process = function.process_id();
    let (before, start) = (process::cpu_time(process)?, Instant::now());
    let outcome = function.invoke(event).await;
    let (wall_clock_time, cpu_time) = (start.elapsed(), process::cpu_time(process)? - before);
    Ok((outcome, Cost { peak: peak(process)?, cpu_time, wall_clock_time }))
}

/// Returns the peak RSS of a process in bytes (proc(5), `status`).
fn peak(process: u32) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_024)
}

/// Starts a Lambda function, and kills it when it requests its first event. Returns the time until this request.
pub(crate) fn start(binary: &Path) -> std::io::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut command = Command::new(binary);
    let required =
        ["TABLE_NAME", "STAGING_BUCKET", "BUILD_QUEUE_URL", "PURGE_QUEUE_URL"].map(|variable| (variable, "some-name"));
    command.env_clear().envs(required).env("REGISTRY", "registry.example").env("AWS_REGION", "us-east-1");
    command.env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string());
    for variable in ["FUNCTION_NAME", "FUNCTION_VERSION", "LOG_GROUP_NAME", "LOG_STREAM_NAME"] {
        command.env(format!("AWS_LAMBDA_{variable}"), "benchmark");
    }
    command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769").stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let mut process = command.spawn()?;
    let (connection, _) = listener.accept()?;
    let mut request = String::new();
    BufReader::new(connection).read_line(&mut request)?;
    let time = start.elapsed();
    process.kill()?;
    process.wait()?;
    if request.starts_with("GET /2018-06-01/runtime/invocation/next ") {
        Ok(time)
    } else {
        Err(std::io::Error::other(format!("{request:?} is not a request for an event")))
    }
}

/// Builds the minimal Lambda function in release mode, and returns the path of its binary.
pub(crate) fn hello() -> Result<PathBuf, Box<dyn Error>> {
    let build = ["build", "--release", "--locked", "--quiet", "--example", "hello"];
    let built = Command::new(env!("CARGO")).args(build).current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
    let binary = Path::new(API).with_file_name("examples").join("hello");
    if built.success() { Ok(binary) } else { Err("cannot build the example `hello`".into()) }
}
