use std::{error::Error as StdError, net::TcpListener, path::PathBuf, time::Duration};

use axum::Router;
use dynoxide::Database;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    DataDir, Error, Issuer, Options,
    ports::{self, Ports},
    registry, s3, sqs,
};
use crate::registry::RegistryAddress;

/// The backends of a local run: the embedded servers, and the address of every backend, embedded or real.
#[derive(Debug)]
pub struct Backends {
    pub endpoints: Endpoints,
    pub registry: RegistryAddress,
    pub issuer: Issuer,
    /// The directory of the embedded S3, or `None` if a real S3 replaces it.
    pub(super) s3_directory: Option<PathBuf>,
    servers: Servers,
}

/// The endpoint URLs of the AWS services.
#[derive(Debug, Clone, Serialize)]
pub struct Endpoints {
    pub s3: String,
    pub dynamodb: String,
    pub sqs: String,
}

impl Backends {
    /// Starts every backend that the options do not replace with a real one.
    pub async fn start(data: &DataDir, options: &Options) -> Result<Self, Error> {
        let mut ports = Ports::load(data)?;
        let mut servers = Servers::default();

        let mut s3_directory = None;
        let s3 = match &options.s3_endpoint {
            Some(url) => url.clone(),
            None => {
                let listener = ports.listen("s3", data)?;
                let directory = data.directory("s3")?;
                let router = s3::router(&directory).map_err(|source| failed("s3", format!("{source:?}")))?;
                s3_directory = Some(directory);
                let url = url(&listener);
                servers.spawn("s3", listener, router);
                url
            }
        };
        let dynamodb = match &options.dynamodb_endpoint {
            Some(url) => url.clone(),
            None => {
                let listener = ports.listen("dynamodb", data)?;
                let path = data.file("dynamodb.sqlite");
                let database = Database::new(&path.to_string_lossy()).map_err(|source| failed("dynamodb", source))?;
                // This sets `PRAGMA synchronous = NORMAL`, so that a commit does not wait for the disk. If the machine
                // crashes, the last commits may be lost, but no commit is applied in part.
                database.disable_bulk_loading().map_err(|source| failed("dynamodb", source))?;
                let url = url(&listener);
                servers.spawn_dynamodb(listener, database);
                url
            }
        };
        let sqs = match &options.sqs_endpoint {
            Some(url) => url.clone(),
            None => {
                let listener = ports.listen("sqs", data)?;
                let url = url(&listener);
                servers.spawn("sqs", listener, sqs::router(url.clone()));
                url
            }
        };
        let registry = match &options.registry {
            Some(address) => address.clone(),
            None => {
                let listener = ports.listen("registry", data)?;
                let address = ports::local_address(&listener);
                let router =
                    registry::router(&data.directory("registry")?).map_err(|source| failed("registry", source))?;
                servers.spawn("registry", listener, router);
                address.to_string().parse().expect("host and port are a valid registry address")
            }
        };
        let listener = ports.listen("issuer", data)?;
        let issuer = Issuer::open(data, url(&listener))?;
        servers.spawn("issuer", listener, issuer.router());
        let endpoints = Endpoints { s3, dynamodb, sqs };
        Ok(Self { endpoints, registry, issuer, s3_directory, servers })
    }

    /// Stops the embedded backends. Requests in progress get up to `GRACE` to finish.
    pub async fn stop(mut self) {
        self.servers.stop.cancel();
        let ended = async { while self.servers.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("stopping with requests to a backend still in progress");
        }
    }

    /// Waits until an embedded backend fails, and returns the reason.
    pub(super) async fn failure(&mut self) -> Error {
        match self.servers.tasks.join_next().await {
            Some(Ok(error)) => error,
            Some(Err(panic)) => failed("embedded", panic),
            None => std::future::pending().await,
        }
    }
}

/// How long [`Backends::stop`] waits for requests in progress.
const GRACE: Duration = Duration::from_secs(5);
/// How often expired items are deleted from the embedded DynamoDB.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

#[derive(Debug, Default)]
struct Servers {
    /// One task per server, which returns why the server stopped.
    tasks: JoinSet<Error>,
    stop: CancellationToken,
}

impl Servers {
    fn spawn(&mut self, backend: &'static str, listener: TcpListener, router: Router) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let served = async {
                let listener = ports::without_delay(tokio::net::TcpListener::from_std(listener)?);
                axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
            };
            failed(backend, served.await.err().map_or("the server was stopped".to_owned(), |error| error.to_string()))
        });
    }

    fn spawn_dynamodb(&mut self, listener: TcpListener, database: Database) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let sweep = sweep_periodically(database.clone());
            let served = async {
                let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
                dynoxide::server::serve_with_shutdown(listener, database, stop.cancelled_owned()).await
            };
            tokio::select! {
                served = served => failed("dynamodb", served.err().unwrap_or("the server was stopped".to_owned())),
                error = sweep => error,
            }
        });
    }
}

/// Deletes expired items periodically, as DynamoDB does. Returns only if a deletion panics.
async fn sweep_periodically(database: Database) -> Error {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot delete expired items"),
            Err(panic) => return failed("dynamodb", panic),
        }
    }
}

pub(super) fn failed(backend: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::Backend { backend, source: source.into() }
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", ports::local_address(listener))
}
