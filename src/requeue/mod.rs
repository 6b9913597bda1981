//! The requeue use case: send the jobs of pending builds and purges again, send events that were not sent, fail builds
//! that have been tried too many times or have been pending for too long, and remove uploads that were begun but never
//! submitted.

mod sweep;

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

pub use self::sweep::Sweep;
use self::sweep::{Action, Scope, WaitingJobs};
use crate::{
    aws::{self, DueItem, Events, Job, PurgeJob, Queue, SHARDS, Staging, Table},
    error_chain::ErrorChain,
    records::{BuildStatus, OrgId, PackEvent, PackId, Record, Timestamp, UploadId},
};

/// The requeue use case with its backends and settings.
#[derive(Debug, Clone)]
pub struct Requeue {
    pub table: Table,
    pub staging: Staging,
    pub queue: Queue<Job>,
    pub purges: Queue<PurgeJob>,
    pub events: Events,
    pub settings: Settings,
}

/// When to fail a build, and how long a sweep may take. A sweep never fails a build whose version is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// After this many tries of an attempt, the build is marked as failed, and its job is not sent again.
    pub max_tries: u32,
    /// At this age, a pending build that was tried at least once is marked as failed, and its job is not sent again.
    pub give_up_after: Duration,
    /// At this age, a pending build is marked as failed even if it was never tried, because its archive has expired.
    pub archive_expires_after: Duration,
    /// After this time, a sweep processes no more items. The Lambda function's timeout must be longer by at least the
    /// time that one item can take.
    pub time_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // The queue delivers a job up to five times for each send, so reaching this number takes at least five
            // sends.
            max_tries: 25,
            give_up_after: Duration::from_secs(24 * 3_600),
            archive_expires_after: Staging::EXPIRES_AFTER,
            // The Lambda function's timeout is 60 s.
            time_limit: Duration::from_secs(40),
        }
    }
}

impl Requeue {
    /// How long SQS keeps a job in its queue (`MessageRetentionPeriod` in template.yaml).
    pub const JOB_EXPIRES_AFTER: Duration = Duration::from_secs(24 * 3_600);

    /// Processes the builds, purges, events and uploads that are due, until the time limit. If processing an item
    /// fails, continues with the next one.
    ///
    /// # Errors
    /// Returns an error if the queues or the index cannot be read.
    pub async fn sweep(&self) -> Result<Sweep, aws::Error> {
        let deadline = Instant::now() + self.settings.time_limit;
        let (builds, purges) = tokio::try_join!(self.queue.has_waiting_jobs(), self.purges.has_waiting_jobs())?;
        let waiting = WaitingJobs { builds, purges };
        self.process_shards(Scope::Due { now: Timestamp::now(), deadline, waiting }).await
    }

    /// Sends the job of every pending build and purge, and sends every unsent event, whether due or not. A local run
    /// calls this when it starts, because its in-memory queues are then empty.
    ///
    /// # Errors
    /// Returns an error if the index cannot be read.
    pub async fn send_all(&self) -> Result<Sweep, aws::Error> {
        self.process_shards(Scope::All).await
    }

    /// Processes the shards of the index concurrently, and the items of each shard one after another.
    async fn process_shards(&self, scope: Scope) -> Result<Sweep, aws::Error> {
        let shards = (0..SHARDS).map(|shard| self.process_shard(shard, scope));
        let mut total = Sweep::default();
        for sweep in join_all(shards).await {
            total.add(sweep?);
        }
        Ok(total)
    }

    async fn process_shard(&self, shard: u8, scope: Scope) -> Result<Sweep, aws::Error> {
        let mut sweep = Sweep::default();
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let page = self.table.due(shard, scope.now(), after).await?;
            items.extend(page.items);
            after = page.next;
            // Processing an item gives it a later due time. If the pages also contain items that are not due, a later
            // page would list the item again, so read all pages first.
            if scope.now().is_none() && after.is_some() {
                continue;
            }
            for item in items.drain(..) {
                if scope.is_over() {
                    sweep.is_cut_short = true;
                    return Ok(sweep);
                }
                sweep.count(&item, self.process_and_log(&item, scope).await);
            }
            if after.is_none() {
                return Ok(sweep);
            }
        }
    }

    /// Processes one item and logs the result. Returns `None` if processing failed.
    async fn process_and_log(&self, item: &DueItem, scope: Scope) -> Option<(Action, Duration)> {
        let (id, result) = match item {
            DueItem::Record(id) => (id, self.process(*id, scope).await),
            DueItem::Event { pack_id, event_id } => (pack_id, self.send_event(*pack_id, event_id).await),
            DueItem::Upload { org_id, upload_id } => return self.remove_and_log(*org_id, *upload_id, scope).await,
        };
        match &result {
            Ok((Action::SendEvent, _)) => tracing::info!(pack_id = %id, "event sent again"),
            Ok((Action::Drop | Action::Postpone { .. } | Action::RemoveUpload, _)) => {}
            Ok((Action::Send, _)) => tracing::info!(pack_id = %id, "job sent again"),
            Ok((Action::Fail { reason }, _)) => tracing::warn!(pack_id = %id, reason, "build marked as failed"),
            Err(error) => tracing::error!(pack_id = %id, error = %ErrorChain(error), "cannot process the due item"),
        }
        result.ok()
    }

    /// Removes an upload that was begun but never submitted, together with its archive, and logs the result. Returns
    /// `None` if the removal failed.
    async fn remove_and_log(&self, org: OrgId, upload: UploadId, scope: Scope) -> Option<(Action, Duration)> {
        let removed = self.remove_upload(org, upload, scope).await;
        match &removed {
            Ok(true) => tracing::info!(org_id = %org, upload_id = %upload, "upload removed"),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(org_id = %org, upload_id = %upload, error = %ErrorChain(error), "cannot remove the upload");
            }
        }
        let action = if removed.ok()? { Action::RemoveUpload } else { Action::Drop };
        Some((action, Duration::ZERO))
    }

    /// Removes an upload that is due, unless it has been submitted in the meantime. Returns whether it was removed.
    /// Does nothing in [`Scope::All`], because the upload may not be due. Deletes the archive before the item: if
    /// either deletion fails, the item remains, and the next sweep tries again.
    async fn remove_upload(&self, org: OrgId, upload: UploadId, scope: Scope) -> Result<bool, aws::Error> {
        // The index may still list an upload that was submitted.
        if scope.now().is_none() || !self.table.is_begun(org, upload).await? {
            return Ok(false);
        }
        self.staging.delete(&Staging::upload_key(org, upload)).await?;
        self.table.remove_upload(org, upload).await
    }

    /// Processes one record. Returns what was done, and how long the build or the purge has been pending.
    async fn process(&self, id: PackId, scope: Scope) -> Result<(Action, Duration), aws::Error> {
        let pending = self.table.record(id).await?.filter(|record| record.build.status.is_pending());
        let Some(record) = pending else { return Ok((Action::Drop, Duration::ZERO)) };
        let now = Timestamp::now();
        let age = now.since(record.updated_at);
        let action = match scope {
            Scope::All => Action::Send,
            Scope::Due { waiting, .. } => match self.decide(&record, waiting, now) {
                Action::Fail { reason } if self.table.mark_failed(&record, None, &reason, now).await? => {
                    Action::Fail { reason }
                }
                // A build cannot be marked as failed while it is running, or after its version is published. Postpone
                // the record in the first case, and send its job in the second.
                Action::Fail { .. } | Action::Send => match self.table.leased_until(&record, now).await? {
                    Some(until) => Action::Postpone { until },
                    None => Action::Send,
                },
                action @ (Action::Drop | Action::SendEvent | Action::RemoveUpload | Action::Postpone { .. }) => action,
            },
        };
        match &action {
            Action::Drop | Action::SendEvent | Action::RemoveUpload => {}
            Action::Postpone { until } => self.table.postpone(&record, *until).await?,
            Action::Send => self.send(&record, now).await?,
            Action::Fail { reason } => self.events.send(&PackEvent::failed(&record, reason, now)).await,
        }
        Ok((action, age))
    }

    /// Sends an event that was not sent when it was stored. If sending fails, postpones the event. Drops the event if
    /// no event bus is configured.
    async fn send_event(&self, pack_id: PackId, event_id: &str) -> Result<(Action, Duration), aws::Error> {
        let Some(event) = self.table.event(pack_id, event_id).await? else {
            return Ok((Action::Drop, Duration::ZERO));
        };
        let sent = self.events.deliver(&event).await;
        if sent.is_err() {
            self.table.postpone_event(&event, Timestamp::now()).await?;
        }
        let action = if sent? { Action::SendEvent } else { Action::Drop };
        Ok((action, Duration::ZERO))
    }

    /// Sends the job for a record. The send is counted afterwards, so that a failed send does not count.
    async fn send(&self, record: &Record, now: Timestamp) -> Result<(), aws::Error> {
        let org = record.release.org_id;
        match record.build.status {
            BuildStatus::Deleting => self.purges.send(org, PurgeJob { pack_id: record.id }).await?,
            BuildStatus::Queued | BuildStatus::Ready | BuildStatus::Failed { .. } | BuildStatus::Quarantined { .. } => {
                self.queue.send(org, record.into()).await?;
            }
        }
        self.table.mark_sent(record, now).await?;
        Ok(())
    }

    /// Decides what to do with a build or purge that is due. A build is marked as failed only if it was tried or its
    /// archive has expired, because a delay is not the author's fault. A purge job is sent again until the purge
    /// succeeds.
    fn decide(&self, record: &Record, waiting: WaitingJobs, now: Timestamp) -> Action {
        let (build, settings) = (&record.build, &self.settings);
        let age = now.since(record.updated_at);
        let reason = if build.status == BuildStatus::Deleting {
            return self.postponed(record, waiting.purges, now).unwrap_or(Action::Send);
        } else if age >= settings.archive_expires_after {
            "the uploaded archive expired before its image was built; upload it again".to_owned()
        } else if let Some(postponed) = self.postponed(record, waiting.builds, now) {
            return postponed;
        } else if build.tries >= settings.max_tries {
            let tries = if build.tries == 1 { "try" } else { "tries" };
            format!("the image could not be built after {} {tries}; upload the same archive again", build.tries)
        } else if build.tries > 0 && age >= settings.give_up_after {
            "the image could not be built in the time allowed; upload the same archive again".to_owned()
        } else {
            return Action::Send;
        };
        Action::Fail { reason }
    }

    /// Returns [`Action::Postpone`] if the record's job may still be in its queue, because another send would only add
    /// to the backlog. If the job was tried since it was last sent, the queue may redeliver it until `resend_after`
    /// after the try. Otherwise, if jobs are waiting in the queue, the record's job may be one of them until it
    /// expires.
    fn postponed(&self, record: &Record, jobs_are_waiting: bool, now: Timestamp) -> Option<Action> {
        let build = &record.build;
        let again_after = self.table.resend_after;
        let until = match build.tried_at.filter(|tried_at| *tried_at >= build.enqueued_at) {
            Some(tried_at) => tried_at + again_after,
            None if jobs_are_waiting && now.since(build.enqueued_at) < Self::JOB_EXPIRES_AFTER => now + again_after,
            None => return None,
        };
        (until > now).then_some(Action::Postpone { until })
    }
}
