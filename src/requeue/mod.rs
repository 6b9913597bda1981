//! The requeue use case: send the jobs of pending builds and purges again, and fail builds that stay pending for too
//! long.

use std::time::Duration;

use futures_util::{StreamExt, stream};

use crate::{
    aws::{self, Job, PurgeJob, Queue, Staging, Table},
    error_chain::ErrorChain,
    records::{BuildStatus, PackId, Record, Timestamp},
};

/// How many records are processed at the same time.
const CONCURRENT_RECORDS: usize = 8;

/// The requeue use case, with the backends and settings that it uses.
#[derive(Debug, Clone)]
pub struct Requeue {
    pub table: Table,
    pub queue: Queue<Job>,
    pub purges: Queue<PurgeJob>,
    pub settings: Settings,
}

/// When to send a job again, and when to fail a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long after a send the job is sent again. It must exceed the time for which the queue itself redelivers the
    /// job: the queue's visibility timeout times its `maxReceiveCount`.
    pub resend_after: Duration,
    /// After this many tries, an attempt is marked as failed instead of being sent again.
    pub max_tries: u32,
    /// At this age, a pending build that was tried at least once is marked as failed instead of being sent again.
    pub give_up_after: Duration,
    /// At this age, a pending build is marked as failed even if it was never tried, because its archive has expired.
    pub archive_expires_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let hour = Duration::from_secs(3_600);
        Self {
            resend_after: hour,
            // The queue delivers a job up to five times for each send.
            max_tries: 25,
            give_up_after: 24 * hour,
            archive_expires_after: Staging::EXPIRES_AFTER,
        }
    }
}

/// The result of one sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The number of records that the index listed as pending.
    pub pending: usize,
    /// The number of records whose job was sent again.
    pub sent: usize,
    /// The number of records marked as failed.
    pub failed: usize,
    /// The number of records that could not be processed. The reason was logged, and the next sweep tries again.
    pub errors: usize,
    /// The age of the oldest pending build or purge that was processed.
    pub oldest: Duration,
}

/// What to do with a pending build or purge.
enum Action {
    Wait,
    Send,
    Fail { reason: String },
}

impl Requeue {
    /// Processes every pending build and purge once. A record that cannot be processed does not stop the sweep.
    ///
    /// # Errors
    /// Returns an error if the pending records cannot be listed.
    pub async fn sweep(&self) -> Result<Sweep, aws::Error> {
        self.process_all(|record, now| self.settings.decide(record, now)).await
    }

    /// Sends the job of every pending build and purge, regardless of its age. A local run calls this when it starts,
    /// because its queue is then empty.
    ///
    /// # Errors
    /// Returns an error if the pending records cannot be listed.
    pub async fn send_all(&self) -> Result<Sweep, aws::Error> {
        self.process_all(|_, _| Action::Send).await
    }

    async fn process_all(&self, decide: impl Fn(&Record, Timestamp) -> Action) -> Result<Sweep, aws::Error> {
        let mut sweep = Sweep::default();
        let mut after = None;
        loop {
            let page = self.table.pending(after).await?;
            sweep.pending += page.ids.len();
            let results = page.ids.into_iter().map(|id| self.process_and_log(id, &decide));
            let mut results = stream::iter(results).buffer_unordered(CONCURRENT_RECORDS);
            while let Some(result) = results.next().await {
                sweep.count(result);
            }
            after = page.next;
            if after.is_none() {
                return Ok(sweep);
            }
        }
    }

    /// Processes one record and logs the result. Returns `None` if processing failed.
    async fn process_and_log(
        &self,
        id: PackId,
        decide: &impl Fn(&Record, Timestamp) -> Action,
    ) -> Option<(Action, Duration)> {
        let result = self.process(id, decide).await;
        match &result {
            Ok((Action::Wait, _)) => {}
            Ok((Action::Send, _)) => tracing::info!(pack_id = %id, "job sent again"),
            Ok((Action::Fail { reason }, _)) => tracing::warn!(pack_id = %id, reason, "build marked as failed"),
            Err(error) => tracing::error!(pack_id = %id, error = %ErrorChain(error), "pending record not processed"),
        }
        result.ok()
    }

    /// Processes one record. Returns what was done, and how long the build or the purge has been pending.
    async fn process(
        &self,
        id: PackId,
        decide: impl Fn(&Record, Timestamp) -> Action,
    ) -> Result<(Action, Duration), aws::Error> {
        let pending = self.table.record(id).await?.filter(|record| record.build.status.is_pending());
        let Some(record) = pending else { return Ok((Action::Wait, Duration::ZERO)) };
        let now = Timestamp::now();
        let age = now.since(record.updated_at);
        let action = match decide(&record, now) {
            // The build was not marked as failed, because it is running or has published its version. Send its job
            // again instead.
            Action::Fail { reason } if !self.table.mark_failed(&record, None, &reason, now).await? => Action::Send,
            action => action,
        };
        if matches!(action, Action::Send) {
            self.send(&record, now).await?;
        }
        Ok((action, age))
    }

    /// Sends the job of a record. The send is counted afterwards, so that a failed send does not count.
    async fn send(&self, record: &Record, now: Timestamp) -> Result<(), aws::Error> {
        match record.build.status {
            BuildStatus::Deleting => self.purges.send(PurgeJob { pack_id: record.id }).await?,
            BuildStatus::Queued | BuildStatus::Ready | BuildStatus::Failed { .. } | BuildStatus::Quarantined { .. } => {
                self.queue.send(record.into()).await?;
            }
        }
        self.table.mark_sent(record, now).await?;
        Ok(())
    }
}

impl Sweep {
    fn count(&mut self, result: Option<(Action, Duration)>) {
        let Some((action, age)) = result else {
            self.errors += 1;
            return;
        };
        self.oldest = self.oldest.max(age);
        match action {
            Action::Wait => {}
            Action::Send => self.sent += 1,
            Action::Fail { .. } => self.failed += 1,
        }
    }
}

impl Settings {
    /// Decides what to do with a queued build or a purge. A build that was never tried is sent again until its archive
    /// expires, because the delay is not its author's fault. A purge is sent again until it succeeds.
    fn decide(&self, record: &Record, now: Timestamp) -> Action {
        let build = &record.build;
        let age = now.since(record.updated_at);
        let reason = if now.since(build.enqueued_at) < self.resend_after {
            return Action::Wait;
        } else if build.status == BuildStatus::Deleting {
            return Action::Send;
        } else if age >= self.archive_expires_after {
            "the uploaded archive expired before it was built; upload it again".to_owned()
        } else if build.tries >= self.max_tries {
            format!("the image could not be built after {} tries; upload the same archive again", build.tries)
        } else if build.tries > 0 && age >= self.give_up_after {
            "the image could not be built in the time allowed; upload the same archive again".to_owned()
        } else {
            return Action::Send;
        };
        Action::Fail { reason }
    }
}
