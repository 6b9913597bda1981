use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pack_format::Digest;
use pack_upload::{
    aws::{Job, Table},
    local::seed,
    records::BuildStatus,
};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{
    ledger::Ledger,
    proxy,
    script::{Role, Script, Service},
};
use crate::support::{Answer, Embedded, Function, event};

/// More sweeps than any case needs to come right.
const MAX_SWEEPS: usize = 10;

/// The three functions in processes of their own, a proxy before each of their backends, and the backends in the test's
/// process, where they outlive them. The test itself stands in for API Gateway, for the event source mapping and for
/// the schedule, so that what happens follows from the script and from nothing else.
pub(crate) struct System {
    /// What the proxies do.
    pub(crate) script: Arc<Script>,
    /// The table, past the proxies.
    pub(crate) table: Table,
    /// The backends, past the proxies.
    pub(crate) embedded: Embedded,
    ledger: Ledger,
    variables: Vec<(String, String)>,
    functions: [Function; 3],
}

impl System {
    /// Starts everything, with these variables set for the functions beside those that they need.
    pub(crate) async fn start(more: &[(&str, &str)]) -> Self {
        let embedded = Embedded::start().await;
        let Embedded { backends, clients, options, queues, .. } = &embedded;
        let table = Table::new(clients.dynamodb.clone(), options.table_name.clone());
        seed(&table).await.unwrap();

        let script = Script::new();
        let proxies = proxy::before_aws(&backends.endpoints, &script).await;
        let registry = proxy::start(Service::Registry, format!("http://{}", backends.registry), script.clone()).await;
        let variables = [
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local-secret"),
            ("AWS_REGION", "us-east-1"),
            ("TABLE_NAME", &options.table_name),
            ("STAGING_BUCKET", &options.staging_bucket),
            ("BUILD_QUEUE_URL", &queues.builds),
            ("REGISTRY", &registry),
            ("CREDENTIAL_CACHE_MS", "0"),
            ("CALL_ATTEMPT_TIMEOUT_MS", "1000"),
            ("TRANSFER_ATTEMPT_TIMEOUT_MS", "1000"),
            ("SEND_TIMEOUT_MS", "1500"),
            ("REQUEST_DEADLINE_MS", "4000"),
            ("PUSH_TIMEOUT_MS", "2000"),
            ("REQUEUE_AFTER_MS", "0"),
        ];
        let variables = variables.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: Vec<_> = variables.chain(proxies).collect();
        let ledger = Ledger::new(&embedded);
        let functions = [
            Function::start(&Role::Api.binary(), &variables).await,
            Function::start(&Role::Builder.binary(), &variables).await,
            Function::start(&Role::Requeue.binary(), &variables).await,
        ];
        Self { script, table, embedded, ledger, variables, functions }
    }

    /// Invokes a function: its response, or its error; `None` if its process was killed, in whose place there is a new
    /// one. Whatever came of it, the books are in order.
    pub(crate) async fn invoke(&mut self, role: Role, event: Value) -> Option<Result<Value, Value>> {
        self.script.at_work(role);
        let function = &mut self.functions[role as usize];
        let result = tokio::select! {
            biased;
            () = self.script.kill.notified() => None,
            result = function.invoke(event) => Some(result),
        };
        if result.is_none() {
            *function = Function::start(&role.binary(), &self.variables).await;
        }
        self.ledger.expect_order().await;
        result
    }

    /// The function's process, unless it is killed.
    pub(crate) fn process(&self, role: Role) -> u32 {
        self.functions[role as usize].process_id()
    }

    /// A request to the API, made of one of the events in `events/`; `None` if its process was killed.
    pub(crate) async fn request(&mut self, event: Value) -> Option<Answer> {
        let response = self.invoke(Role::Api, event).await?.expect("the API reports no error to Lambda");
        let mut headers = HeaderMap::new();
        for (name, value) in response["headers"].as_object().unwrap() {
            headers
                .insert(name.parse::<reqwest::header::HeaderName>().unwrap(), value.as_str().unwrap().parse().unwrap());
        }
        Some(Answer {
            status: u16::try_from(response["statusCode"].as_u64().unwrap()).unwrap().try_into().unwrap(),
            headers,
            body: serde_json::from_str(response["body"].as_str().unwrap()).unwrap(),
        })
    }

    /// Uploads an archive; `None` if the process was killed.
    pub(crate) async fn upload(&mut self, archive: &[u8]) -> Option<Answer> {
        self.request(upload(archive)).await
    }

    /// Takes the oldest job off the queue, which is there again as soon as its builder is done unless that deletes it;
    /// false if there is none.
    pub(crate) async fn deliver(&mut self) -> bool {
        let Some((body, receipt_handle)) = self.receive().await else { return false };
        let job: Job = serde_json::from_str(&body).unwrap();
        assert!(self.table.record(job.pack_id).await.unwrap().is_some(), "{body} is a job of no record");
        let mut batch = event("build-job");
        batch["Records"][0]["body"] = json!(body);
        match self.invoke(Role::Builder, batch).await {
            Some(Ok(response)) if response["batchItemFailures"].as_array().unwrap().is_empty() => {
                let record = self.table.record(job.pack_id).await.unwrap().unwrap();
                let owed = record.build.status == BuildStatus::Queued && record.build.attempt == job.attempt;
                assert!(!owed, "{body} is taken for done");
                self.delete(&receipt_handle).await;
            }
            Some(Ok(_)) | None => {}
            Some(Err(error)) => panic!("the builder reports no error to Lambda: {error}"),
        }
        true
    }

    /// Loses the oldest job.
    pub(crate) async fn lose_job(&mut self) {
        let (_, receipt_handle) = self.receive().await.expect("there is a job");
        self.delete(&receipt_handle).await;
    }

    async fn receive(&self) -> Option<(String, String)> {
        let receive =
            self.embedded.clients.sqs.receive_message().queue_url(&self.embedded.queues.builds).visibility_timeout(0);
        let [message] = receive.send().await.unwrap().messages.unwrap_or_default().try_into().ok()?;
        Some((message.body.unwrap(), message.receipt_handle.unwrap()))
    }

    async fn delete(&self, receipt_handle: &str) {
        let delete = self.embedded.clients.sqs.delete_message().queue_url(&self.embedded.queues.builds);
        delete.receipt_handle(receipt_handle).send().await.unwrap();
    }

    /// Lets the schedule fire once; `None` if the process was killed.
    pub(crate) async fn sweep(&mut self) -> Option<Result<Value, Value>> {
        self.invoke(Role::Requeue, event("requeue")).await
    }

    /// Leaves the system to itself until no job waits and no build is pending.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..MAX_SWEEPS {
            while self.deliver().await {}
            if self.ledger.is_settled().await {
                return;
            }
            self.sweep().await;
        }
        panic!("a build stays pending");
    }

    /// Fails unless this record, of which a client was told, is ready, and its image is what was promised.
    pub(crate) async fn expect_good(&self, told: &Value) {
        self.ledger.expect_good(told).await;
    }

    /// How many jobs the dead-letter queue has.
    pub(crate) async fn dead_letters(&self) -> u64 {
        self.ledger.depth(&self.embedded.queues.dead_letters).await
    }
}

/// The event of an archive's upload.
pub(crate) fn upload(archive: &[u8]) -> Value {
    form("archive\"; filename=\"pack.tar.gz", archive)
}

/// The event by which an upload is submitted whose archive was sent.
pub(crate) fn submit(upload_id: &str) -> Value {
    form("upload_id", upload_id.as_bytes())
}

/// The event by which the upload of this archive is begun.
pub(crate) fn begin(archive: &[u8]) -> Value {
    let sha256 = Digest::sha256(archive).to_string();
    let mut event = event("upload-http-api");
    event["rawPath"] = json!("/v1/packs/uploads");
    event["headers"]["content-type"] = json!("application/json");
    let body = json!({"size_bytes": archive.len(), "sha256": sha256.trim_start_matches("sha256:")});
    event["body"] = json!(STANDARD.encode(body.to_string()));
    event
}

/// The event of a form with one part, of this name and what may follow it.
fn form(name: &str, content: &[u8]) -> Value {
    let boundary = "------------------------d74496d66958873e";
    let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    let body = [head.as_bytes(), content, format!("\r\n--{boundary}--\r\n").as_bytes()].concat();
    let mut event = event("upload-http-api");
    event["body"] = json!(STANDARD.encode(body));
    event
}
