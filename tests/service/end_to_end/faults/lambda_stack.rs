use std::{fs, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pack_format::Digest;
use pack_upload::{
    aws::{Job, PurgeJob, Table},
    local::seed,
    records::BuildStatus,
};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{
    consistency::ConsistencyCheck,
    fault::{Role, Service},
    injector::FaultInjector,
    proxy,
};
use crate::{
    attestations::{key_file, new_key},
    support::{ApiResponse, Embedded, Function, event},
};

/// The maximum number of sweeps in [`LambdaStack::settle`]. No case needs this many.
const MAX_SWEEPS: usize = 10;

/// The three Lambda functions, each in its own process, with a proxy in front of each backend. The backends run in the
/// test's process, so they survive when a Lambda function is killed. The test acts as API Gateway, the event source
/// mapping and the schedule, so the result depends only on the injected faults.
pub(crate) struct LambdaStack {
    pub(crate) injector: Arc<FaultInjector>,
    /// The table, accessed without a proxy.
    pub(crate) table: Table,
    /// The backends, accessed without proxies.
    pub(crate) embedded: Embedded,
    consistency: ConsistencyCheck,
    variables: Vec<(String, String)>,
    functions: [Function; 3],
}

impl LambdaStack {
    /// Starts the backends, the proxies and the Lambda functions. Every Lambda function gets the environment variables
    /// in `more`, which override those set here.
    pub(crate) async fn start(more: &[(&str, &str)]) -> Self {
        let embedded = Embedded::start().await;
        let Embedded { backends, clients, options, queues, .. } = &embedded;
        let table = Table::new(clients.dynamodb.clone(), options.table_name.clone());
        seed(&table).await.unwrap();

        let injector = FaultInjector::new();
        let proxies = proxy::start_for_aws(&backends.endpoints, &injector).await;
        let registry = proxy::start(Service::Registry, format!("http://{}", backends.registry), injector.clone()).await;
        let signing_key = options.data_dir.join("signing-key.pem");
        fs::write(&signing_key, key_file(&new_key())).unwrap();
        let variables = [
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local-secret"),
            ("AWS_REGION", "us-east-1"),
            ("TABLE_NAME", &options.table_name),
            ("STAGING_BUCKET", &options.staging_bucket),
            ("BUILD_QUEUE_URL", &queues.builds),
            ("PURGE_QUEUE_URL", &queues.purges),
            ("REGISTRY", &registry),
            ("SIGNING", "file"),
            ("SIGNING_KEY_FILE", signing_key.to_str().unwrap()),
            ("CREDENTIAL_CACHE_MS", "0"),
            ("CALL_ATTEMPT_TIMEOUT_MS", "1000"),
            ("TRANSFER_ATTEMPT_TIMEOUT_MS", "1000"),
            ("SEND_TIMEOUT_MS", "1500"),
            ("REQUEST_DEADLINE_MS", "4000"),
            ("PUSH_TIMEOUT_MS", "2000"),
            // The lease is short because the test redelivers the job of a killed build immediately.
            ("BUILD_LEASE_MS", "1"),
            // No purge runs during a request, so waiting longer is pointless. With this wait, a deletion polls the
            // record only once.
            ("PURGE_WAIT_MS", "60"),
            ("REQUEUE_AFTER_MS", "0"),
            // Requests and begun uploads are counted, but never reach these limits.
            ("ORG_UPLOADS_PER_MINUTE", "1000000"),
            ("ORG_BEGUN_UPLOADS", "1000000"),
        ];
        let variables = variables.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: Vec<_> = variables.chain(proxies).collect();
        let consistency = ConsistencyCheck::new(&embedded);
        let functions = [
            Function::start(&Role::Api.binary(), &variables).await,
            Function::start(&Role::Builder.binary(), &variables).await,
            Function::start(&Role::Requeue.binary(), &variables).await,
        ];
        Self { injector, table, embedded, consistency, variables, functions }
    }

    /// Invokes a Lambda function, checks the consistency of the backends, and returns the response or the error. If the
    /// process was killed, starts a new process and returns `None`.
    pub(crate) async fn invoke(&mut self, role: Role, event: Value) -> Option<Result<Value, Value>> {
        self.injector.set_caller(role);
        let function = &mut self.functions[role as usize];
        let result = tokio::select! {
            biased;
            () = self.injector.kill.notified() => None,
            result = function.invoke(event) => Some(result),
        };
        if result.is_none() {
            *function = Function::start(&role.binary(), &self.variables).await;
        }
        self.consistency.check().await;
        result
    }

    /// Returns the id of the Lambda function's process.
    pub(crate) fn process(&self, role: Role) -> u32 {
        self.functions[role as usize].process_id()
    }

    /// Sends an event to the API. Returns `None` if the process was killed.
    pub(crate) async fn request(&mut self, event: Value) -> Option<ApiResponse> {
        let response = self.invoke(Role::Api, event).await?.expect("the API must not return an error to Lambda");
        let mut headers = HeaderMap::new();
        for (name, value) in response["headers"].as_object().unwrap() {
            headers
                .insert(name.parse::<reqwest::header::HeaderName>().unwrap(), value.as_str().unwrap().parse().unwrap());
        }
        Some(ApiResponse {
            status: u16::try_from(response["statusCode"].as_u64().unwrap()).unwrap().try_into().unwrap(),
            headers,
            body: serde_json::from_str(response["body"].as_str().unwrap()).unwrap(),
        })
    }

    /// Uploads an archive. Returns `None` if the process was killed.
    pub(crate) async fn upload(&mut self, archive: &[u8]) -> Option<ApiResponse> {
        self.request(upload(archive)).await
    }

    /// Delivers the oldest build job to the builder, or the oldest purge job if there is no build job. Deletes the job
    /// if the builder succeeds, and leaves it in the queue otherwise. Returns whether there was a job.
    pub(crate) async fn deliver(&mut self) -> bool {
        self.deliver_build().await || self.deliver_purge().await
    }

    async fn deliver_build(&mut self) -> bool {
        let queue = self.embedded.queues.builds.clone();
        let Some((body, receipt_handle)) = self.receive(&queue).await else { return false };
        let job: Job = serde_json::from_str(&body).unwrap();
        assert!(self.table.record(job.pack_id).await.unwrap().is_some(), "the job {body} has no record");
        if self.run_job("build-job", &body).await {
            let record = self.table.record(job.pack_id).await.unwrap().unwrap();
            let pending = record.build.status == BuildStatus::Queued && record.build.attempt == job.attempt;
            assert!(!pending, "the job {body} is done, but its build is pending");
            self.delete(&queue, &receipt_handle).await;
        }
        true
    }

    async fn deliver_purge(&mut self) -> bool {
        let queue = self.embedded.queues.purges.clone();
        let Some((body, receipt_handle)) = self.receive(&queue).await else { return false };
        let job: PurgeJob = serde_json::from_str(&body).unwrap();
        if self.run_job("purge-job", &body).await {
            assert_eq!(self.table.record(job.pack_id).await.unwrap(), None, "the job {body} is done");
            self.delete(&queue, &receipt_handle).await;
        }
        true
    }

    /// Invokes the builder with the event `name` and the job `body`. Returns whether the job succeeded.
    async fn run_job(&mut self, name: &str, body: &str) -> bool {
        let mut batch = event(name);
        batch["Records"][0]["body"] = json!(body);
        match self.invoke(Role::Builder, batch).await {
            Some(Ok(response)) => response["batchItemFailures"].as_array().unwrap().is_empty(),
            Some(Err(error)) => panic!("the builder must not return an error to Lambda: {error}"),
            None => false,
        }
    }

    /// Deletes the oldest build job without delivering it.
    pub(crate) async fn lose_job(&mut self) {
        self.lose(&self.embedded.queues.builds).await;
    }

    /// Deletes the oldest purge job without delivering it.
    pub(crate) async fn lose_purge(&mut self) {
        self.lose(&self.embedded.queues.purges).await;
    }

    async fn lose(&self, queue: &str) {
        let (_, receipt_handle) = self.receive(queue).await.expect("there is a job");
        self.delete(queue, &receipt_handle).await;
    }

    async fn receive(&self, queue: &str) -> Option<(String, String)> {
        let receive = self.embedded.clients.sqs.receive_message().queue_url(queue).visibility_timeout(0);
        let [message] = receive.send().await.unwrap().messages.unwrap_or_default().try_into().ok()?;
        Some((message.body.unwrap(), message.receipt_handle.unwrap()))
    }

    async fn delete(&self, queue: &str, receipt_handle: &str) {
        let delete = self.embedded.clients.sqs.delete_message().queue_url(queue);
        delete.receipt_handle(receipt_handle).send().await.unwrap();
    }

    /// Invokes requeue. Returns `None` if the process was killed.
    pub(crate) async fn sweep(&mut self) -> Option<Result<Value, Value>> {
        self.invoke(Role::Requeue, event("requeue")).await
    }

    /// Delivers jobs and invokes requeue until the queues are empty and no build, purge or event is pending.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..MAX_SWEEPS {
            while self.deliver().await {}
            if self.consistency.is_settled().await {
                return;
            }
            self.sweep().await;
        }
        panic!("a build or a purge is still pending");
    }

    /// Asserts that the record in `response` is now ready and that its image has the promised digest.
    pub(crate) async fn expect_ready(&self, response: &Value) {
        self.consistency.expect_ready(response).await;
    }

    /// Asserts that the tag of each record that was ready at the last check points to the record's digest.
    pub(crate) async fn check_tags(&self) {
        self.consistency.check_tags().await;
    }

    /// Counts the messages in the dead-letter queues.
    pub(crate) async fn dead_letters(&self) -> u64 {
        let queues = &self.embedded.queues;
        self.consistency.depth(&queues.dead_builds).await + self.consistency.depth(&queues.dead_purges).await
    }
}

/// Returns the event that uploads an archive.
pub(crate) fn upload(archive: &[u8]) -> Value {
    form("archive\"; filename=\"pack.tar.gz", archive)
}

/// Returns the event that deletes a pack.
pub(crate) fn delete(id: &str) -> Value {
    let mut event = event("delete");
    event["rawPath"] = json!(format!("/v1/packs/{id}"));
    event
}

/// Returns the event that makes a pack a community pack.
pub(crate) fn update(id: &str) -> Value {
    let mut event = event("update");
    event["rawPath"] = json!(format!("/v1/packs/{id}"));
    event
}

/// Returns the event that submits an upload whose archive is in S3.
pub(crate) fn submit(upload_id: &str) -> Value {
    form("upload_id", upload_id.as_bytes())
}

/// Returns the event that begins an upload whose archive the client sends to S3.
pub(crate) fn begin(archive: &[u8]) -> Value {
    let sha256 = Digest::sha256(archive).to_string();
    let mut event = event("upload-http-api");
    event["rawPath"] = json!("/v1/packs/uploads");
    event["headers"]["content-type"] = json!("application/json");
    let body = json!({"size_bytes": archive.len(), "sha256": sha256.trim_start_matches("sha256:")});
    event["body"] = json!(STANDARD.encode(body.to_string()));
    event
}

/// Returns the event that sends a form with one part. `name` is inserted between the quotes in the part's header, so it
/// can add more parameters.
fn form(name: &str, content: &[u8]) -> Value {
    let boundary = "------------------------d74496d66958873e";
    let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    let body = [head.as_bytes(), content, format!("\r\n--{boundary}--\r\n").as_bytes()].concat();
    let mut event = event("upload-http-api");
    event["body"] = json!(STANDARD.encode(body));
    event
}
