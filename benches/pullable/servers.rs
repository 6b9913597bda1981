use std::{
    error::Error,
    fs::{self, File},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use reqwest::{
    Client,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The time limit for the start of a server, and for a build.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait between two requests for the status of a build. Every request takes CPU time from the build.
const POLL: Duration = Duration::from_millis(50);

/// A process that is killed on drop.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A docker-registry process that starts without images.
pub(crate) struct DockerRegistry {
    /// `host:port`.
    pub(crate) address: String,
    _process: Process,
    _folder: TempDir,
}

impl DockerRegistry {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let folder = TempDir::new()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let config = json!({
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": folder.path().join("storage")}},
            "http": {"addr": address},
        });
        let file = folder.path().join("config.yml");
        fs::write(&file, config.to_string())?;
        let process = Command::new("docker-registry").arg("serve").arg(file).stderr(Stdio::null()).spawn()?;
        let registry = Self { address, _process: Process(process), _folder: folder };
        wait_for(|| TcpStream::connect(&registry.address).is_ok())?;
        Ok(registry)
    }
}

/// A `local` process that pushes to a given registry. It does not attest images, because the tools that it is compared
/// with do not either.
pub(crate) struct Local {
    client: Client,
    url: String,
    key: String,
    _process: Process,
    _folder: TempDir,
}

impl Local {
    pub(crate) fn start(registry: &str) -> Result<Self, Box<dyn Error>> {
        let folder = TempDir::new()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(["--listen", "127.0.0.1:0", "--registry", registry, "--data-dir"]).arg(folder.path());
        command
            .env_clear()
            .env("SIGNING", "none")
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log"))?);
        let process = Process(command.spawn()?);
        let document = folder.path().join("local.json");
        wait_for(|| document.exists())?;
        let document: Value = serde_json::from_slice(&fs::read(document)?)?;
        let text = |pointer| document.pointer(pointer).and_then(Value::as_str).ok_or("local.json is incomplete");
        let url = format!("{}/v1/packs", text("/url")?);
        let key = text("/keys/acme/full_access")?.to_owned();
        Ok(Self { client: Client::builder().no_proxy().build()?, url, key, _process: process, _folder: folder })
    }

    /// Uploads an archive and waits until its image can be pulled. Returns the image's reference, and the time from the
    /// start of the upload to the `updated_at` of the record that is `ready`. This does not include the write of the
    /// record.
    pub(crate) async fn upload(&self, archive: &[u8]) -> Result<(String, Duration), Box<dyn Error>> {
        let form = Form::new().part("archive", Part::bytes(archive.to_vec()));
        let upload = self.client.post(format!("{}/upload", self.url)).bearer_auth(&self.key).multipart(form);
        let (start, started_at) = (Instant::now(), SystemTime::now());
        let mut record: Value = upload.send().await?.error_for_status()?.json().await?;
        let url = format!("{}/{}", self.url, record["id"].as_str().ok_or("no id")?);
        while record["build_status"] == "queued" && start.elapsed() < TIMEOUT {
            tokio::time::sleep(POLL).await;
            record = self.client.get(&url).bearer_auth(&self.key).send().await?.error_for_status()?.json().await?;
        }
        let text = |key| record[key].as_str().ok_or_else(|| format!("no image: {record}"));
        if text("build_status")? != "ready" {
            return Err(format!("no image: {record}").into());
        }
        let ready_at = OffsetDateTime::parse(text("updated_at")?, &Rfc3339)?;
        Ok((text("image_ref")?.to_owned(), SystemTime::from(ready_at).duration_since(started_at)?))
    }
}

fn wait_for(is_ready: impl Fn() -> bool) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    while !is_ready() {
        if start.elapsed() > TIMEOUT {
            return Err("a server did not start".into());
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
