use std::{
    io::Read as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use reqwest::multipart::{Form, Part};
use serde_json::Value;

/// A running `local` on a port of its own. It is killed when dropped.
pub(crate) struct Local {
    child: Child,
    /// What `local.json` says.
    pub(crate) document: Value,
    client: reqwest::Client,
}

impl Local {
    /// Starts it and waits until it accepts requests.
    pub(crate) fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        Self::spawn(folder, command(folder).envs(environment.iter().copied()))
    }

    /// Starts this command and waits until it accepts requests.
    pub(crate) fn spawn(folder: &Path, command: &mut Command) -> Self {
        let path = folder.join("local.json");
        // What a killed run left would be read before the new one has deleted it.
        if path.exists() {
            std::fs::remove_file(&path).expect("deleted");
        }
        let mut child = command.spawn().expect("it starts");
        let started = Instant::now();
        let document = loop {
            if let Ok(content) = std::fs::read(&path) {
                break serde_json::from_slice(&content).expect("the file is whole whenever it is there");
            }
            if let Some(status) = child.try_wait().expect("a child") {
                panic!("it ended: {status}");
            }
            assert!(started.elapsed() < Duration::from_secs(30), "it does not accept requests");
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { child, document, client: reqwest::Client::new() }
    }

    fn key(&self, org: &str) -> &str {
        self.document["keys"][org]["full_access"].as_str().expect("a key")
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.document["url"].as_str().expect("a URL"))
    }

    /// `GET`, as acme.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.client.get(self.url(path)).bearer_auth(self.key("acme"))).await
    }

    /// Uploads an archive for an org.
    pub(crate) async fn upload(&self, org: &str, archive: Vec<u8>) -> (u16, Value) {
        self.upload_with(self.key(org), archive).await
    }

    /// Uploads an archive with this credential.
    pub(crate) async fn upload_with(&self, credential: &str, archive: Vec<u8>) -> (u16, Value) {
        let form = Form::new().part("archive", Part::bytes(archive).file_name("pack.tar.gz"));
        let request = self.client.post(self.url("/v1/packs/upload")).bearer_auth(credential);
        answer(request.multipart(form)).await
    }

    /// Ends it as Ctrl-C does; what it printed, and how it ended.
    pub(crate) fn interrupt(mut self) -> (String, ExitStatus) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut printed = String::new();
        self.child.stdout.take().expect("piped").read_to_string(&mut printed).expect("UTF-8");
        (printed, status)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

/// The command, free of whatever the environment of the test says.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(folder);
    let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS", "REGISTRY"];
    names.into_iter().chain(["TABLE_NAME", "STAGING_BUCKET"]).for_each(|name| {
        command.env_remove(name);
    });
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}
