use std::{
    io, iter,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::{Client, multipart::Part};
use test_support::process;

use crate::{server::Server, versions::Versions};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of the uploads to a server under load.
pub(crate) struct Load {
    /// How long each took that was taken in, from the shortest on.
    pub(crate) times: Vec<Duration>,
    /// What became of the others.
    pub(crate) failures: Vec<String>,
    /// How long the server was under load.
    pub(crate) lasted: Duration,
    /// What the clients had of the processor meanwhile.
    pub(crate) cpu_time: Duration,
}

impl Load {
    /// Puts a server under load for this long: each client uploads one archive after another.
    pub(crate) async fn put_on(
        server: &Server,
        versions: &Versions,
        clients: usize,
        long: Duration,
    ) -> io::Result<Self> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().map_err(io::Error::other)?;
        let next = AtomicUsize::new(0);
        let cpu_before = process::cpu_time(std::process::id())?;
        let began = Instant::now();
        let uploads = async || {
            let (mut times, mut failures) = (Vec::new(), Vec::new());
            while began.elapsed() < long {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let archive = Part::bytes(versions.archive(number)).file_name(format!("small-{number}.tar.gz"));
                let sent = Instant::now();
                match server.upload(&client, archive).await {
                    Ok(()) => times.push(sent.elapsed()),
                    Err(failure) => failures.push(failure),
                }
            }
            (times, failures)
        };
        let outcomes = join_all(iter::repeat_with(uploads).take(clients)).await;
        let (lasted, cpu_after) = (began.elapsed(), process::cpu_time(std::process::id())?);
        let (times, failures): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
        let mut times = times.concat();
        times.sort_unstable();
        Ok(Self { times, failures: failures.concat(), lasted, cpu_time: cpu_after - cpu_before })
    }

    /// The time within which so many of a hundred uploads were taken in, of those that were.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let index = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times.get(index).copied().unwrap_or_default()
    }
}
