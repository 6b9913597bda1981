use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use pack_format::Digest;
use reqwest::{Client, RequestBuilder, StatusCode, multipart};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{StandIn, openapi, run};

/// How long `local` may take to accept requests, and a build to be done.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `local` with a data folder of its own, which is killed when this is dropped.
pub(crate) struct Local {
    process: Child,
    data: TempDir,
    document: Value,
    client: Client,
}

impl Local {
    /// Starts one in a new data folder.
    pub(crate) async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), &[]).await
    }

    /// Starts one in a new data folder with these variables set.
    pub(crate) async fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_in(TempDir::new().unwrap(), variables).await
    }

    /// Starts one in this data folder.
    pub(crate) async fn start_in(data: TempDir, variables: &[(&str, &str)]) -> Self {
        let _ = std::fs::remove_file(data.path().join("local.json"));
        let stand_in = StandIn::of(data.path());
        let process = Self::command(data.path())
            .envs(stand_in.iter().flat_map(StandIn::variables))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(data.path().join("printed")).unwrap())
            .stderr(File::create(data.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut local = Self { process, data, document: Value::Null, client: Client::new() };
        local.document = local.read_document().await;
        local
    }

    /// The command, free of whatever the environment of the test says about backends and logs.
    pub(crate) fn command(data: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        let endpoints = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS", "REGISTRY"];
        let names = ["TABLE_NAME", "STAGING_BUCKET", "BUILD_QUEUE"];
        let logs = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL", "LOG_LEVEL"];
        for variable in endpoints.into_iter().chain(names).chain(logs) {
            command.env_remove(variable);
        }
        command
    }

    async fn read_document(&mut self) -> Value {
        let began = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(self.data.path().join("local.json")) {
                return serde_json::from_str(&text).unwrap();
            }
            assert!(self.process.try_wait().unwrap().is_none(), "local ended: {}", self.log());
            assert!(began.elapsed() < PATIENCE, "local does not accept requests: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the process as a crash would, and hands its data folder back.
    pub(crate) fn kill(mut self) -> TempDir {
        self.stop();
        self.take_data()
    }

    /// Ends the process as Ctrl-C does: how it ended, and its data folder.
    pub(crate) fn interrupt(mut self) -> (ExitStatus, TempDir) {
        run(Command::new("kill").args(["-INT", &self.process.id().to_string()]));
        (self.process.wait().unwrap(), self.take_data())
    }

    fn take_data(&mut self) -> TempDir {
        std::mem::replace(&mut self.data, TempDir::new().unwrap())
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// All that it said on standard output.
    pub(crate) fn printed(&self) -> String {
        std::fs::read_to_string(self.data.path().join("printed")).unwrap()
    }

    /// All that it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("log")).unwrap_or_default()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// What `local.json` says.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// What `local.json` says at this path, such as `/endpoints/s3`.
    #[track_caller]
    pub(crate) fn said(&self, pointer: &str) -> &str {
        self.document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} is missing"))
    }

    /// The `full_access` key of an org.
    pub(crate) fn key(&self, org: &str) -> String {
        self.said(&format!("/keys/{org}/full_access")).to_owned()
    }

    /// The URL of this path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.said("/url"))
    }

    /// A request without a credential.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse().unwrap(), self.url(path))
    }

    /// A GET by an org.
    pub(crate) async fn get(&self, org: &str, path: &str) -> Answer {
        Answer::send(self.request("GET", path).bearer_auth(self.key(org))).await
    }

    /// An upload of this archive by `acme`.
    pub(crate) async fn upload(&self, archive: Vec<u8>) -> Answer {
        self.upload_as("acme", "", archive).await
    }

    /// An upload of this archive by an org, with a query string.
    pub(crate) async fn upload_as(&self, org: &str, query: &str, archive: Vec<u8>) -> Answer {
        self.send_form(org, query, form(archive)).await
    }

    /// An upload of this form by an org, with a query string.
    pub(crate) async fn send_form(&self, org: &str, query: &str, form: multipart::Form) -> Answer {
        let request = self.request("POST", &format!("/v1/packs/upload{query}")).bearer_auth(self.key(org));
        Answer::send(request.multipart(form)).await
    }

    /// What is answered to an org that begins the upload of this archive.
    pub(crate) async fn begin(&self, org: &str, archive: &[u8]) -> Answer {
        let sha256 = Digest::sha256(archive).to_string();
        let body = json!({"size_bytes": archive.len(), "sha256": sha256.trim_start_matches("sha256:")});
        let request = self.request("POST", "/v1/packs/uploads").bearer_auth(self.key(org));
        Answer::send(request.json(&body)).await
    }

    /// Begins an org's upload of this archive and sends it: the upload's id.
    pub(crate) async fn send(&self, org: &str, archive: Vec<u8>) -> String {
        let begun = self.begin(org, &archive).await;
        begun.expect(StatusCode::CREATED);
        assert_eq!(send(&begun, archive).await, StatusCode::OK);
        begun.text("upload_id").to_owned()
    }

    /// Submits an upload whose archive was sent, by an org, with a query string.
    pub(crate) async fn submit_as(&self, org: &str, query: &str, upload_id: &str) -> Answer {
        self.send_form(org, query, multipart::Form::new().text("upload_id", upload_id.to_owned())).await
    }

    /// The pack's record once its build is no longer queued.
    pub(crate) async fn built(&self, org: &str, id: &str) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.get(org, &format!("/v1/packs/{id}")).await;
            answer.expect(StatusCode::OK);
            if answer.body["build_status"] != "queued" {
                return answer.body;
            }
            assert!(began.elapsed() < PATIENCE, "the build is not done: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("local's log:\n{}", self.log());
        }
    }
}

/// What S3 answers to this body, sent as the answer to the beginning of an upload says.
pub(crate) async fn send(begun: &Answer, body: Vec<u8>) -> StatusCode {
    let mut put = Client::new().request(begun.text("method").parse().unwrap(), begun.text("url")).body(body);
    for (name, value) in begun.body["headers"].as_object().unwrap() {
        // The client's own, by the body that it has.
        if name != "content-length" {
            put = put.header(name, value.as_str().unwrap());
        }
    }
    put.send().await.unwrap().status()
}

/// A form with this archive and nothing else.
pub(crate) fn form(archive: Vec<u8>) -> multipart::Form {
    multipart::Form::new().part("archive", multipart::Part::bytes(archive).file_name("pack.tar.gz"))
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Sends a request and reads its response, which openapi.yaml must document.
    pub(crate) async fn send(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let response = client.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
        openapi::expect_documented(&method, &path, status.as_u16(), &headers, &body);
        Self { status, headers, body }
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(&self, status: StatusCode) -> &Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Fails unless this is an error in the envelope, with this status and code.
    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, code: &str) -> &Value {
        assert_eq!((self.status.as_u16(), self.body["error"]["code"].as_str()), (status, Some(code)), "{}", self.body);
        let error = &self.body["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        assert!(error["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{error}");
        assert_eq!(self.body.as_object().unwrap().len(), 1, "nothing stands beside the error: {}", self.body);
        error
    }

    /// A field of the body that is a text.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_else(|| panic!("{field} is no text: {}", self.body))
    }

    /// A header that must be there.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} is missing")).to_str().unwrap()
    }
}

/// Where a tool may write while a test runs.
pub(crate) fn scratch() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_owned();
    (directory, path)
}
