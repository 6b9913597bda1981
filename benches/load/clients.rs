use std::{
    io, iter,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::{Client, multipart::Part};
use test_support::process;

use crate::{server::Server, versions::Versions};

/// How long a client waits for a response.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The results of a load test.
pub(crate) struct Load {
    /// The wall-clock times of accepted uploads, in ascending order.
    pub(crate) times: Vec<Duration>,
    /// The errors from all other uploads.
    pub(crate) failures: Vec<String>,
    /// The wall-clock time of the whole test.
    pub(crate) elapsed: Duration,
    /// The CPU time of the clients, which run in this process.
    pub(crate) cpu_time: Duration,
}

impl Load {
    /// Runs a load test. Each client uploads one archive after another until `duration` has passed.
    pub(crate) async fn run(
        server: &Server,
        versions: &Versions,
        clients: usize,
        duration: Duration,
    ) -> io::Result<Self> {
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(io::Error::other)?;
        let next = AtomicUsize::new(0);
        // The server is a child of this process, so its CPU time is subtracted.
        let cpu_time = || Ok::<_, io::Error>(process::cpu_time(std::process::id())?.saturating_sub(server.cpu_time()?));
        let cpu_before = cpu_time()?;
        let start = Instant::now();
        let uploads = async || {
            let (mut times, mut failures) = (Vec::new(), Vec::new());
            while start.elapsed() < duration {
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
        let (elapsed, cpu_after) = (start.elapsed(), cpu_time()?);
        let (times, failures): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
        let mut times = times.concat();
        times.sort_unstable();
        Ok(Self { times, failures: failures.concat(), elapsed, cpu_time: cpu_after.saturating_sub(cpu_before) })
    }

    /// Returns a percentile of [`Self::times`], or zero if no upload was accepted.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let index = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
        self.times.get(index).copied().unwrap_or_default()
    }
}
