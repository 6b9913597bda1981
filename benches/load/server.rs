use std::{
    error::Error,
    fs, io,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{
    Client, StatusCode,
    multipart::{Form, Part},
};
use serde_json::Value;
use tempfile::TempDir;
use test_support::process;

/// How long a server may take to start.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A server process with a temporary data directory. The process stops on drop.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    process: Child,
    directory: TempDir,
    url: String,
    /// The API key for `local`. `None` for pypiserver, which needs no key.
    key: Option<String>,
}

impl Server {
    /// Starts the `local` binary that cargo built for this benchmark. Turns off the org limits that the benchmark could
    /// reach.
    pub(crate) async fn local() -> Result<Self, Box<dyn Error>> {
        let directory = TempDir::new()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(directory.path()).env_clear();
        let limits =
            ["ORG_UPLOADS_PER_MINUTE", "ORG_READS_PER_SECOND", "ORG_PENDING_BUILDS", "ORG_NAMES", "ORG_VERSIONS"];
        command.envs(limits.map(|limit| (limit, "0")));
        let process = command.stdout(Stdio::null()).stderr(fs::File::create(directory.path().join("log"))?).spawn()?;
        let mut local = Self { name: "`local`", process, directory, url: String::new(), key: None };
        let document = local.directory.path().join("local.json");
        local.wait_for(async || document.exists()).await?;
        let document: Value = serde_json::from_slice(&fs::read(document)?)?;
        local.url = format!("{}/v1/packs", document["url"].as_str().ok_or("no url")?);
        local.key = document["keys"]["acme"]["full_access"].as_str().map(str::to_owned);
        Ok(local)
    }

    /// Starts pypiserver under gunicorn with four workers. Returns `None` if gunicorn cannot be started.
    pub(crate) async fn pypiserver() -> Result<Option<Self>, Box<dyn Error>> {
        let directory = TempDir::new()?;
        let packages = directory.path().join("packages");
        fs::create_dir(&packages)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        // With `overwrite`, pypiserver does not search for an existing file.
        let application = format!(
            "pypiserver:app(roots=['{}'], password_file='.', authenticate=[], overwrite=True)",
            packages.display()
        );
        let mut command = Command::new("gunicorn");
        command.args(["--workers", "4", "--worker-class", "sync", "--bind", &address.to_string(), &application]);
        let log = fs::File::create(directory.path().join("log"))?;
        let Ok(process) = command.stdout(log.try_clone()?).stderr(log).spawn() else { return Ok(None) };
        let mut server = Self { name: "pypiserver", process, directory, url: format!("http://{address}/"), key: None };
        let (client, url) = (Client::builder().no_proxy().timeout(TIMEOUT).build()?, server.url.clone());
        server
            .wait_for(async || client.get(&url).send().await.is_ok_and(|response| response.status().is_success()))
            .await?;
        Ok(Some(server))
    }

    async fn wait_for(&mut self, is_ready: impl AsyncFn() -> bool) -> Result<(), Box<dyn Error>> {
        let start = Instant::now();
        while !is_ready().await {
            if self.process.try_wait()?.is_some() || start.elapsed() > TIMEOUT {
                return Err(format!("{} did not start: {}", self.name, self.log()).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Uploads an archive. The error is the status and body of an unexpected response, or says why there was no
    /// response.
    pub(crate) async fn upload(&self, client: &Client, archive: Part) -> Result<(), String> {
        let (request, expected) = match &self.key {
            Some(key) => {
                let form = Form::new().part("archive", archive);
                (client.post(format!("{}/upload", self.url)).bearer_auth(key).multipart(form), StatusCode::CREATED)
            }
            None => {
                let form = Form::new().text(":action", "file_upload").part("content", archive);
                (client.post(&self.url).multipart(form), StatusCode::OK)
            }
        };
        let response = request.send().await.map_err(|error| format!("{error:?}"))?;
        let status = response.status();
        let body = response.text().await.map_err(|error| format!("{error:?}"))?;
        if status == expected { Ok(()) } else { Err(format!("{status}: {body}")) }
    }

    /// Returns the CPU time that the server has used so far.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        process::cpu_time(self.process.id())
    }

    /// Returns the CPU time of the server. For `local`, first waits until the images of all accepted uploads are built
    /// and pushed.
    ///
    /// # Errors
    /// Returns an error if an accepted upload has no image.
    pub(crate) async fn finish(&self, uploads: usize) -> Result<Duration, Box<dyn Error>> {
        let Some(key) = &self.key else { return Ok(self.cpu_time()?) };
        let client = Client::builder().no_proxy().build()?;
        let page = async |cursor: &str| -> Result<Value, reqwest::Error> {
            let get = client.get(format!("{}?limit=100{cursor}", self.url)).bearer_auth(key);
            get.send().await?.json().await
        };
        let count = |page: &Value, status: &str| {
            let packs = page["packs"].as_array().into_iter().flatten();
            packs.filter(|pack| pack["build_status"] == status).count()
        };
        // The first page lists the newest packs, which are built last.
        while count(&page("").await?, "queued") > 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let cpu_time = self.cpu_time()?;

        let (mut found, mut cursor) = (0, String::new());
        loop {
            let page = page(&cursor).await?;
            found += count(&page, "ready");
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None if found == uploads => return Ok(cpu_time),
                None => return Err(format!("{found} of {uploads} accepted uploads have an image").into()),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // `kill` sends SIGTERM. `Child::kill` would send SIGKILL, after which gunicorn could not stop its workers.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
