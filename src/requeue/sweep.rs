use std::time::Duration;

use tokio::time::Instant;

use crate::{aws::DueItem, records::Timestamp};

/// The result of one sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The number of builds and purges that the index listed and the sweep reached before its time limit.
    pub due: usize,
    /// The number of events that the index listed and the sweep reached before its time limit.
    pub due_events: usize,
    /// The number of begun uploads that the index listed and the sweep reached before its time limit.
    pub due_uploads: usize,
    /// The number of records whose job was sent again.
    pub sent: usize,
    pub sent_events: usize,
    /// The number of uploads that were removed.
    pub removed_uploads: usize,
    /// The number of records that were postponed, because their job may still be in its queue or in progress.
    pub postponed: usize,
    /// The number of records marked as failed.
    pub failed: usize,
    /// The number of items that could not be processed. The reason was logged, and a later sweep tries again.
    pub errors: usize,
    /// How long the oldest processed build or purge has been pending.
    pub oldest: Duration,
    /// Whether the sweep reached its time limit. If so, the next sweep continues.
    pub is_cut_short: bool,
}

/// What to do with an item that is due.
#[derive(Debug)]
pub(super) enum Action {
    /// Do nothing more: the item is no longer pending, is an upload that may not be due, or is an event that was
    /// removed unsent because no event bus is configured.
    Drop,
    /// Process the item later, because its job may be in the queue or in progress.
    Postpone {
        until: Timestamp,
    },
    Send,
    SendEvent,
    RemoveUpload,
    Fail {
        reason: String,
    },
}

/// Whether jobs are waiting in each queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitingJobs {
    pub(super) builds: bool,
    pub(super) purges: bool,
}

/// Which items to process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    /// All builds, purges and unsent events, whether they are due or not, but no begun uploads.
    All,
    /// Those that were due at `now`. After `deadline`, no more items are processed.
    Due { now: Timestamp, deadline: Instant, waiting: WaitingJobs },
}

impl Scope {
    pub(super) fn now(self) -> Option<Timestamp> {
        match self {
            Self::All => None,
            Self::Due { now, .. } => Some(now),
        }
    }

    /// Returns whether the deadline has passed.
    pub(super) fn is_over(self) -> bool {
        match self {
            Self::All => false,
            Self::Due { deadline, .. } => Instant::now() >= deadline,
        }
    }
}

impl Sweep {
    /// Counts an item and the result of processing it. `result` is `None` if processing the item failed.
    pub(super) fn count(&mut self, item: &DueItem, result: Option<(Action, Duration)>) {
        match item {
            DueItem::Record(_) => self.due += 1,
            DueItem::Event { .. } => self.due_events += 1,
            DueItem::Upload { .. } => self.due_uploads += 1,
        }
        let Some((action, age)) = result else {
            self.errors += 1;
            return;
        };
        self.oldest = self.oldest.max(age);
        match action {
            Action::Drop => {}
            Action::Postpone { .. } => self.postponed += 1,
            Action::Send => self.sent += 1,
            Action::SendEvent => self.sent_events += 1,
            Action::RemoveUpload => self.removed_uploads += 1,
            Action::Fail { .. } => self.failed += 1,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.due += other.due;
        self.due_events += other.due_events;
        self.due_uploads += other.due_uploads;
        self.sent += other.sent;
        self.sent_events += other.sent_events;
        self.removed_uploads += other.removed_uploads;
        self.postponed += other.postponed;
        self.failed += other.failed;
        self.errors += other.errors;
        self.oldest = self.oldest.max(other.oldest);
        self.is_cut_short |= other.is_cut_short;
    }
}
