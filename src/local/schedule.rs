use std::{future::Future, path::PathBuf, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::s3;

/// How often staged objects are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// The age at which they go, as template.yaml's lifecycle rules have it.
const STAGED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// Runs a task at once and then regularly, until `stop` is cancelled; never two runs of it at a time.
pub(super) async fn every<Running>(period: Duration, mut task: impl FnMut() -> Running, stop: CancellationToken)
where
    Running: Future<Output = ()>,
{
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        task().await;
    }
}

/// Does for the embedded S3 what the lifecycle rules of the staging bucket do.
pub(super) async fn sweep(folder: PathBuf, stop: CancellationToken) {
    let sweep = || {
        let folder = folder.clone();
        async move {
            match tokio::task::spawn_blocking(move || s3::sweep(&folder, STAGED_FOR)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "staged objects could not be looked through"),
                Err(panic) => tracing::error!(%panic, "looking through staged objects panicked"),
            }
        }
    };
    every(SWEEP_EVERY, sweep, stop).await;
}
