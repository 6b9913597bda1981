//! The use case that looks after pending builds: enqueue again what no job answered for, give up what is hopeless.

use std::time::Duration;

use futures_util::{StreamExt, stream};

use crate::{
    aws::{self, Queue, Table},
    error_chain::ErrorChain,
    records::{BuildStatus, PackId, Record, Timestamp},
};

/// How many records are looked after side by side.
const CONCURRENT_RECORDS: usize = 8;

/// Looks after pending builds.
#[derive(Debug, Clone)]
pub struct Requeue {
    /// Where records are.
    pub table: Table,
    /// Where jobs go.
    pub queue: Queue,
    /// When to do what.
    pub settings: Settings,
}

/// When to do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a job may go unanswered before it is sent again: longer than the queue goes on delivering it, which is
    /// its visibility timeout times its `maxReceiveCount`.
    pub resend_after: Duration,
    /// How many times the job of one attempt is sent.
    pub max_sends: u32,
    /// How long after its queuing a build is given up, however often its job was sent.
    pub give_up_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let hour = Duration::from_secs(3_600);
        Self { resend_after: hour, max_sends: 5, give_up_after: 24 * hour }
    }
}

/// What was done in one sweep, in records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Looked at.
    pub pending: usize,
    /// Sent again.
    pub sent: usize,
    /// Marked as failed.
    pub failed: usize,
    /// Not looked after, for the reason that was logged; the next sweep will try again.
    pub errors: usize,
    /// How long the oldest of those looked after has been waiting for its image.
    pub oldest: Duration,
}

/// What to do with an pending build.
enum Care {
    Leave,
    Send,
    GiveUp { reason: String },
}

impl Requeue {
    /// Looks after every pending build once.
    ///
    /// # Errors
    /// When the pending builds cannot be listed.
    pub async fn sweep(&self) -> Result<Sweep, aws::Error> {
        self.look_after_all(|record, now| self.settings.care(record, now)).await
    }

    /// Sends the job of every pending build, whatever its age: for the start of a queue that has forgotten them.
    ///
    /// # Errors
    /// When the pending builds cannot be listed.
    pub async fn send_all(&self) -> Result<Sweep, aws::Error> {
        self.look_after_all(|_, _| Care::Send).await
    }

    async fn look_after_all(&self, care: impl Fn(&Record, Timestamp) -> Care) -> Result<Sweep, aws::Error> {
        let mut sweep = Sweep::default();
        let mut after = None;
        loop {
            let page = self.table.pending(after).await?;
            sweep.pending += page.ids.len();
            let looks = page.ids.into_iter().map(|id| self.look_after(id, &care));
            let mut looks = stream::iter(looks).buffer_unordered(CONCURRENT_RECORDS);
            while let Some(looked) = looks.next().await {
                sweep.count(looked);
            }
            after = page.next;
            if after.is_none() {
                return Ok(sweep);
            }
        }
    }

    /// Looks after one build and logs what was done; what, and how long it has been waiting; none if that failed.
    async fn look_after(&self, id: PackId, care: &impl Fn(&Record, Timestamp) -> Care) -> Option<(Care, Duration)> {
        let cared = self.care(id, care).await;
        match &cared {
            Ok((Care::Leave, _)) => {}
            Ok((Care::Send, _)) => tracing::info!(pack_id = %id, "job sent again"),
            Ok((Care::GiveUp { reason }, _)) => tracing::warn!(pack_id = %id, reason, "build given up"),
            Err(error) => tracing::error!(pack_id = %id, error = %ErrorChain(error), "build not looked after"),
        }
        cared.ok()
    }

    async fn care(
        &self,
        id: PackId,
        care: impl Fn(&Record, Timestamp) -> Care,
    ) -> Result<(Care, Duration), aws::Error> {
        let queued = self.table.record(id).await?.filter(|record| record.build.status == BuildStatus::Queued);
        let Some(record) = queued else { return Ok((Care::Leave, Duration::ZERO)) };
        let now = Timestamp::now();
        let age = now.since(record.updated_at);
        let care = care(&record, now);
        match &care {
            Care::Leave => {}
            // Sent first and counted after: a send that fails is no attempt.
            Care::Send => {
                self.queue.send((&record).into()).await?;
                self.table.mark_sent(&record, now).await?;
            }
            Care::GiveUp { reason } => {
                self.table.mark_failed(id, record.build.attempt, reason, now).await?;
            }
        }
        Ok((care, age))
    }
}

impl Sweep {
    fn count(&mut self, looked: Option<(Care, Duration)>) {
        let Some((care, age)) = looked else {
            self.errors += 1;
            return;
        };
        self.oldest = self.oldest.max(age);
        match care {
            Care::Leave => {}
            Care::Send => self.sent += 1,
            Care::GiveUp { .. } => self.failed += 1,
        }
    }
}

impl Settings {
    fn care(&self, record: &Record, now: Timestamp) -> Care {
        let build = &record.build;
        if now.since(build.enqueued_at) < self.resend_after {
            Care::Leave
        } else if build.sends >= self.max_sends {
            let reason =
                format!("the image could not be built in {} attempts; upload the same archive again", build.sends);
            Care::GiveUp { reason }
        } else if now.since(record.updated_at) >= self.give_up_after {
            let reason = "the image could not be built in the time allowed; upload the same archive again".to_owned();
            Care::GiveUp { reason }
        } else {
            Care::Send
        }
    }
}
