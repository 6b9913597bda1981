use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use pack_format::Digest;
use reqwest::{Client, RequestBuilder, StatusCode, multipart};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{AwsEmulator, openapi, run};

/// The maximum time for `local` to start, for a build or a deletion to finish, and for a text to appear in the log.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running `local` with its own data directory. Dropping this value kills the process.
pub(crate) struct Local {
    process: Child,
    data: TempDir,
    document: Value,
    client: Client,
}

impl Local {
    /// Starts `local` in a new data directory.
    pub(crate) async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), &[]).await
    }

    /// Starts `local` in a new data directory with these environment variables.
    pub(crate) async fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_in(TempDir::new().unwrap(), variables).await
    }

    /// Starts `local` with the data directory `data` and these environment variables.
    pub(crate) async fn start_in(data: TempDir, variables: &[(&str, &str)]) -> Self {
        let _ = std::fs::remove_file(data.path().join("local.json"));
        let emulator = AwsEmulator::from_env(data.path());
        let process = Self::command(data.path())
            .envs(emulator.iter().flat_map(AwsEmulator::variables))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(data.path().join("stdout")).unwrap())
            .stderr(File::create(data.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut local = Self { process, data, document: Value::Null, client: Client::new() };
        local.document = local.read_document().await;
        local
    }

    /// Returns a command that runs `local` with the data directory `data`. The process does not inherit the variables
    /// that configure backends or logging.
    pub(crate) fn command(data: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        let endpoints = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS", "REGISTRY"];
        let names = ["TABLE_NAME", "STAGING_BUCKET", "BUILD_QUEUE", "PURGE_QUEUE"];
        let logs = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL", "LOG_LEVEL"];
        for variable in endpoints.into_iter().chain(names).chain(logs) {
            command.env_remove(variable);
        }
        // Disable the rate limits: some tests send more requests than an org may send by default.
        command.envs([("ORG_UPLOADS_PER_MINUTE", "0"), ("ORG_READS_PER_SECOND", "0")]);
        command
    }

    async fn read_document(&mut self) -> Value {
        let began = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(self.data.path().join("local.json")) {
                return serde_json::from_str(&text).unwrap();
            }
            assert!(self.process.try_wait().unwrap().is_none(), "local exited: {}", self.log());
            assert!(began.elapsed() < TIMEOUT, "local did not start in time: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills the process, as a crash would, and returns its data directory.
    pub(crate) fn kill(mut self) -> TempDir {
        self.stop();
        self.take_data()
    }

    /// Interrupts the process, as Ctrl-C does, and returns its exit status and its data directory.
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

    pub(crate) fn stdout(&self) -> String {
        std::fs::read_to_string(self.data.path().join("stdout")).unwrap()
    }

    /// Returns what the process has written to standard error so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Returns the content of `local.json`.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Returns the string at a JSON pointer in `local.json`, such as `/endpoints/s3`.
    #[track_caller]
    pub(crate) fn setting(&self, pointer: &str) -> &str {
        self.document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} is missing"))
    }

    /// Runs `admin` with the backends of this `local`.
    pub(crate) fn admin(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_admin"));
        command.args(arguments).envs([
            ("TABLE_NAME", self.setting("/table_name")),
            ("STAGING_BUCKET", self.setting("/staging_bucket")),
            ("BUILD_QUEUE_URL", self.setting("/build_queue_url")),
            ("PURGE_QUEUE_URL", self.setting("/purge_queue_url")),
            ("REGISTRY", self.setting("/registry")),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.setting("/endpoints/dynamodb")),
            ("AWS_ENDPOINT_URL_S3", self.setting("/endpoints/s3")),
            ("AWS_ENDPOINT_URL_SQS", self.setting("/endpoints/sqs")),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local-secret"),
        ]);
        command.output().unwrap()
    }

    /// Returns the `full_access` API key of an org.
    pub(crate) fn key(&self, org: &str) -> String {
        self.setting(&format!("/keys/{org}/full_access")).to_owned()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.setting("/url"))
    }

    /// Builds a request without a credential.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse().unwrap(), self.url(path))
    }

    pub(crate) async fn get(&self, org: &str, path: &str) -> ApiResponse {
        ApiResponse::send(self.request("GET", path).bearer_auth(self.key(org))).await
    }

    pub(crate) async fn delete(&self, org: &str, id: &str) -> ApiResponse {
        ApiResponse::send(self.request("DELETE", &format!("/v1/packs/{id}")).bearer_auth(self.key(org))).await
    }

    pub(crate) async fn set_visibility(&self, org: &str, id: &str, visibility: &str) -> ApiResponse {
        let request = self.request("PATCH", &format!("/v1/packs/{id}")).bearer_auth(self.key(org));
        ApiResponse::send(request.json(&json!({"visibility": visibility}))).await
    }

    /// Uploads an archive as `acme`.
    pub(crate) async fn upload(&self, archive: Vec<u8>) -> ApiResponse {
        self.upload_as("acme", "", archive).await
    }

    /// Uploads an archive as an org. `query` is empty or starts with `?`.
    pub(crate) async fn upload_as(&self, org: &str, query: &str, archive: Vec<u8>) -> ApiResponse {
        self.send_form(org, query, form(archive)).await
    }

    /// Uploads a form as an org. `query` is empty or starts with `?`.
    pub(crate) async fn send_form(&self, org: &str, query: &str, form: multipart::Form) -> ApiResponse {
        let request = self.request("POST", &format!("/v1/packs/upload{query}")).bearer_auth(self.key(org));
        ApiResponse::send(request.multipart(form)).await
    }

    /// Begins an upload as an org. `archive` is the archive that will be sent to S3.
    pub(crate) async fn begin_upload(&self, org: &str, archive: &[u8]) -> ApiResponse {
        let sha256 = Digest::sha256(archive).to_string();
        let body = json!({"size_bytes": archive.len(), "sha256": sha256.trim_start_matches("sha256:")});
        let request = self.request("POST", "/v1/packs/uploads").bearer_auth(self.key(org));
        ApiResponse::send(request.json(&body)).await
    }

    /// Begins an upload as an org, sends its archive to S3, and returns the upload's id.
    pub(crate) async fn send_archive(&self, org: &str, archive: Vec<u8>) -> String {
        let begun = self.begin_upload(org, &archive).await;
        begun.expect(StatusCode::CREATED);
        assert_eq!(put_archive(&begun, archive).await, StatusCode::OK);
        begun.text("upload_id").to_owned()
    }

    /// Submits an org's upload whose archive is in S3. `query` is empty or starts with `?`.
    pub(crate) async fn submit_as(&self, org: &str, query: &str, upload_id: &str) -> ApiResponse {
        self.send_form(org, query, multipart::Form::new().text("upload_id", upload_id.to_owned())).await
    }

    /// Waits until a pack's build is no longer queued, and returns the record from the API.
    pub(crate) async fn wait_for_build(&self, org: &str, id: &str) -> Value {
        let began = Instant::now();
        loop {
            let response = self.get(org, &format!("/v1/packs/{id}")).await;
            response.expect(StatusCode::OK);
            if response.body["build_status"] != "queued" {
                return response.body;
            }
            assert!(began.elapsed() < TIMEOUT, "the build did not finish in time: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn wait_until_gone(&self, org: &str, id: &str) {
        let began = Instant::now();
        while self.get(org, &format!("/v1/packs/{id}")).await.status != StatusCode::NOT_FOUND {
            assert!(began.elapsed() < TIMEOUT, "the pack was not deleted in time: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn wait_for_log(&self, text: &str) {
        let began = Instant::now();
        while !self.log().contains(text) {
            assert!(began.elapsed() < TIMEOUT, "the log does not contain {text}: {}", self.log());
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

/// Sends a body to S3 with the URL and the headers in `begun`. Returns the status.
pub(crate) async fn put_archive(begun: &ApiResponse, body: Vec<u8>) -> StatusCode {
    let mut put = Client::new().request(begun.text("method").parse().unwrap(), begun.text("url")).body(body);
    for (name, value) in begun.body["headers"].as_object().unwrap() {
        // The HTTP client sets `content-length` itself.
        if name != "content-length" {
            put = put.header(name, value.as_str().unwrap());
        }
    }
    put.send().await.unwrap().status()
}

/// Returns a form whose only part is `archive`.
pub(crate) fn form(archive: Vec<u8>) -> multipart::Form {
    multipart::Form::new().part("archive", multipart::Part::bytes(archive).file_name("pack.tar.gz"))
}

/// A response whose body has been read.
#[derive(Debug)]
pub(crate) struct ApiResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl ApiResponse {
    /// Sends a request and reads the response. Panics if openapi.yaml does not document the response.
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

    /// Asserts that the response has this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: StatusCode) -> &Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Asserts that the response is an error with this status and code. Returns the error.
    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, code: &str) -> &Value {
        assert_eq!((self.status.as_u16(), self.body["error"]["code"].as_str()), (status, Some(code)), "{}", self.body);
        let error = &self.body["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        assert!(error["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{error}");
        assert_eq!(self.body.as_object().unwrap().len(), 1, "the envelope has other members: {}", self.body);
        error
    }

    /// Returns a string field of the body.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_else(|| panic!("{field} is not a string: {}", self.body))
    }

    /// Returns a header of the response. Panics if it is missing.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} is missing")).to_str().unwrap()
    }
}

/// Creates a temporary directory. Dropping the [`TempDir`] removes the directory.
pub(crate) fn scratch() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_owned();
    (directory, path)
}
