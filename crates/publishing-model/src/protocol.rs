use stateright::{Model, Property};

use crate::{
    guards::Guards,
    invariants,
    lease::{release, take_lease},
    operator::{begin_restore, end_quarantine, quarantined, rebuild},
    state::{Attempt, Claim, Id, Quarantine, Record, State, Status, Step, Task, UPLOADS, Worker, WorkerId},
};

/// The protocol with some or all of its guards.
#[derive(Debug, Clone)]
pub struct Publishing {
    pub guards: Guards,
}

/// One atomic step, such as a transaction on the table, a request to the registry, or a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Upload(Id),
    /// The upload or `requeue` sends the job for a queued record.
    SendJob(Id),
    /// `requeue` marks a queued record as failed. This is possible only if a build of its current attempt has begun.
    Fail(Id),
    /// The pack's org or an operator deletes the pack. Only an operator can delete a quarantined pack.
    Delete(Id),
    /// An operator rebuilds the image of a ready pack.
    Rebuild(Id),
    BeginBuild(WorkerId, (Id, Attempt)),
    BeginPurge(WorkerId, Id),
    BeginQuarantine(WorkerId),
    BeginRestore(WorkerId),
    Continue(WorkerId),
    Crash(WorkerId),
    /// The call that a crashed worker was making takes effect.
    LateEffect(WorkerId),
    /// The worker's lease expires because the worker has crashed or is too slow to extend it.
    LeaseExpires(WorkerId),
}

impl Model for Publishing {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::initial()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (id, record) in state.records.iter().enumerate() {
            if !state.uploaded[id] {
                actions.push(Action::Upload(id));
            }
            if record.is_some() {
                actions.extend([Action::SendJob(id), Action::Fail(id), Action::Delete(id), Action::Rebuild(id)]);
            }
        }
        let idle = state.workers.iter().position(|worker| *worker == Worker::Idle);
        if let Some(worker) = idle {
            actions.extend(state.jobs.iter().map(|job| Action::BeginBuild(worker, *job)));
            actions.extend((0..state.records.len()).map(|id| Action::BeginPurge(worker, id)));
            actions.extend([Action::BeginQuarantine(worker), Action::BeginRestore(worker)]);
        }
        for (id, worker) in state.workers.iter().enumerate() {
            match worker {
                Worker::Idle => {}
                Worker::Running(_, Step::ExtendLease) => {
                    actions.extend([Action::Continue(id), Action::Crash(id), Action::LeaseExpires(id)]);
                }
                Worker::Running(..) => actions.extend([Action::Continue(id), Action::Crash(id)]),
                Worker::Crashed(_) => actions.extend([Action::LateEffect(id), Action::LeaseExpires(id)]),
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let applied = match action {
            Action::Upload(id) => self.upload(&mut state, id),
            Action::SendJob(id) => send_job(&mut state, id),
            Action::Fail(id) => self.fail(&mut state, id),
            Action::Delete(id) => delete(&mut state, id),
            Action::Rebuild(id) => rebuild(&mut state, id),
            Action::BeginBuild(worker, job) => self.begin_build(&mut state, worker, job),
            Action::BeginPurge(worker, id) => self.begin_purge(&mut state, worker, id),
            Action::BeginQuarantine(worker) => self.begin_quarantine(&mut state, worker),
            Action::BeginRestore(worker) => begin_restore(&mut state, worker),
            Action::Continue(worker) => self.go_on(&mut state, worker),
            Action::Crash(worker) => crash(&mut state, worker),
            Action::LateEffect(worker) => self.late_effect(&mut state, worker),
            Action::LeaseExpires(worker) => self.lease_expires(&mut state, worker),
        };
        (applied.is_some() && state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariants::all()
    }
}

/// `Some` if the action was possible. The type is an `Option` so that functions can use `?` to return early.
pub(crate) type Applied = Option<()>;

pub(crate) fn require(condition: bool) -> Applied {
    condition.then_some(())
}

impl Publishing {
    /// Runs an upload's transaction, which creates, replaces or queues the record. If the table rejects the upload,
    /// nothing is written.
    fn upload(&self, state: &mut State, id: Id) -> Applied {
        let content = UPLOADS[id];
        let new = Record { content, status: Status::Queued, attempt: 1, tried: false };
        state.uploaded[id] = true;
        let Some(claim) = state.claim.clone() else {
            state.claim = Some(Claim { owner: Some(id), published: None, quarantine: None, lease: None });
            create(state, id, new);
            return Some(());
        };
        if claim.quarantine.is_some() && self.guards.upload_respects_quarantine {
            return Some(());
        }
        let is_published_otherwise = claim.published.is_some_and(|published| published != content);
        let Some((owner, record)) = state.owner().map(|(owner, record)| (owner, record.clone())) else {
            if !is_published_otherwise {
                state.claim = Some(Claim { owner: Some(id), ..claim });
                create(state, id, new);
            }
            return Some(());
        };
        if record.status != Status::Failed {
            return Some(());
        }
        if record.content == content {
            let attempt = record.attempt + 1;
            state.records[owner] = Some(Record { status: Status::Queued, attempt, tried: false, ..record });
        } else if !self.guards.replace_spares_published || (claim.published.is_none() && claim.lease.is_none()) {
            state.records[owner] = None;
            create(state, id, new);
            state.claim = Some(Claim { owner: Some(id), ..claim });
        }
        Some(())
    }

    fn fail(&self, state: &mut State, id: Id) -> Applied {
        let spares = self.guards.requeue_spares_published
            && state.claim.as_ref().is_some_and(|claim| claim.published.is_some() || claim.lease.is_some());
        let record = state.records[id].as_mut()?;
        require(record.status == Status::Queued && record.tried && !spares)?;
        record.status = Status::Failed;
        Some(())
    }

    /// Begins the build that a job asks for: marks the record as tried and takes the lease. If the record can no longer
    /// be built in the job's attempt, removes the job instead.
    fn begin_build(&self, state: &mut State, worker: WorkerId, job: (Id, Attempt)) -> Applied {
        let (id, attempt) = job;
        let lease = state.lease();
        let is_buildable = |record: &&mut Record| {
            record.attempt == attempt && matches!(record.status, Status::Queued | Status::Failed)
        };
        let Some(record) = state.records[id].as_mut().filter(is_buildable) else {
            state.jobs.remove(&job);
            return Some(());
        };
        require(lease.is_none() || !self.guards.build_takes_lease)?;
        record.tried = true;
        let content = record.content;
        state.workers[worker] = Worker::Running(Task::Build { id, attempt, content }, Step::Push);
        if self.guards.build_takes_lease {
            state.claim.as_mut()?.lease = Some(worker);
        }
        Some(())
    }

    fn begin_purge(&self, state: &mut State, worker: WorkerId, id: Id) -> Applied {
        let record = state.records[id].as_ref().filter(|record| record.status == Status::Deleting)?;
        let content = record.content;
        if self.guards.purge_takes_lease {
            take_lease(state, worker)?;
        }
        state.workers[worker] = Worker::Running(Task::Purge { id, content }, Step::Untag);
        Some(())
    }

    fn go_on(&self, state: &mut State, worker: WorkerId) -> Applied {
        let Worker::Running(task, step) = state.workers[worker] else { return None };
        let next = self.effect(state, worker, task, step);
        state.workers[worker] = next.map_or(Worker::Idle, |next| Worker::Running(task, next));
        Some(())
    }

    fn late_effect(&self, state: &mut State, worker: WorkerId) -> Applied {
        let Worker::Crashed(Some((task, step))) = state.workers[worker] else { return None };
        self.effect(state, worker, task, step);
        state.workers[worker] = Worker::Crashed(None);
        Some(())
    }

    fn lease_expires(&self, state: &mut State, worker: WorkerId) -> Applied {
        release(state, worker);
        if matches!(state.workers[worker], Worker::Running(..)) {
            return Some(());
        }
        if self.guards.lease_outlives_requests || state.workers[worker] == Worker::Crashed(None) {
            state.workers[worker] = Worker::Idle;
        }
        Some(())
    }

    /// Applies one step of a task. Returns the next step, or `None` at the end of the task.
    fn effect(&self, state: &mut State, worker: WorkerId, task: Task, step: Step) -> Option<Step> {
        let content = task.content();
        match step {
            Step::ExtendLease => {
                if !self.guards.restore_extends_lease {
                    take_lease(state, worker);
                    return Some(Step::Push);
                }
                let is_allowed = quarantined(state, task).is_some() && state.lease() == Some(worker);
                if is_allowed { Some(Step::Push) } else { end(state, worker, task) }
            }
            Step::Push => {
                state.registry.manifests.insert(content);
                match task {
                    Task::Build { .. } if !self.guards.claim_precedes_tag => Some(Step::Tag),
                    Task::Build { .. } => Some(Step::Claim),
                    _ => Some(Step::EndQuarantine),
                }
            }
            Step::Claim => Some(self.claim(state, worker, task)),
            Step::Tag => {
                state.registry.tag = Some(content);
                state.first_tag.get_or_insert(content);
                Some(if self.guards.claim_precedes_tag { Step::MarkReady } else { Step::Claim })
            }
            Step::MarkReady => {
                if let Task::Build { id, attempt, .. } = task {
                    let is_conditional = self.guards.ready_is_conditional;
                    let is_current = |record: &&mut Record| {
                        record.attempt == attempt && record.status == Status::Queued || !is_conditional
                    };
                    if let Some(record) = state.records[id].as_mut().filter(is_current) {
                        record.status = Status::Ready;
                    }
                }
                end(state, worker, task)
            }
            Step::CleanUp => {
                let is_quarantined = state.claim.as_ref().is_some_and(|claim| claim.quarantine.is_some());
                if is_quarantined || state.owner().is_none_or(|(_, record)| record.content != content) {
                    state.registry.manifests.remove(&content);
                }
                end(state, worker, task)
            }
            Step::Save => {
                // When a quarantine is repeated, there may be nothing left to save.
                if state.registry.manifests.contains(&content) {
                    state.saved = Some(content);
                }
                Some(Step::Untag)
            }
            Step::Untag => {
                let is_published = state.claim.as_ref().is_some_and(|claim| claim.published == Some(content));
                if is_published {
                    state.registry.tag = None;
                }
                Some(Step::DeleteManifest)
            }
            Step::DeleteManifest => {
                state.registry.manifests.remove(&content);
                Some(if matches!(task, Task::Purge { .. }) { Step::RemoveRecord } else { Step::CompleteQuarantine })
            }
            Step::RemoveRecord => {
                if let Task::Purge { id, .. } = task {
                    self.remove_record(state, worker, id);
                }
                end(state, worker, task)
            }
            Step::EndQuarantine => {
                end_quarantine(state, worker, task);
                end(state, worker, task)
            }
            Step::CompleteQuarantine => {
                let holds_lease = !self.guards.quarantine_takes_lease || state.lease() == Some(worker);
                if let Some(claim) = state.claim.as_mut().filter(|_| holds_lease) {
                    claim.quarantine = Some(Quarantine::Complete);
                }
                end(state, worker, task)
            }
        }
    }

    /// Runs the transaction that publishes a version: writes the content into the claim, and queues a failed record
    /// again. If the transaction fails, changes nothing. Returns the next step.
    fn claim(&self, state: &mut State, worker: WorkerId, task: Task) -> Step {
        let Task::Build { id, attempt, content } = task else { return Step::CleanUp };
        let holds_lease = !self.guards.build_takes_lease || state.lease() == Some(worker);
        let is_current =
            |record: &Record| record.attempt == attempt && matches!(record.status, Status::Queued | Status::Failed);
        let is_free = |claim: &Claim| {
            claim.owner == Some(id)
                && claim.published.is_none_or(|published| published == content)
                && claim.quarantine.is_none()
                && holds_lease
        };
        let is_allowed =
            state.records[id].as_ref().is_some_and(is_current) && state.claim.as_ref().is_some_and(is_free);
        if !is_allowed && self.guards.claim_is_conditional {
            return Step::CleanUp;
        }
        if let Some(claim) = state.claim.as_mut() {
            claim.published = Some(content);
            state.first_published.get_or_insert(content);
        }
        if let Some(record) = state.records[id].as_mut().filter(|record| record.status == Status::Failed) {
            record.status = Status::Queued;
        }
        if self.guards.claim_precedes_tag { Step::Tag } else { Step::MarkReady }
    }

    fn remove_record(&self, state: &mut State, worker: WorkerId, id: Id) {
        let holds_lease = !self.guards.purge_takes_lease || state.lease() == Some(worker);
        let Some(record) = state.records[id].clone().filter(|record| record.status == Status::Deleting && holds_lease)
        else {
            return;
        };
        state.records[id] = None;
        state.deleting.remove(&id);
        state.purged.insert(record.content);
        let Some(claim) = state.claim.as_mut() else { return };
        claim.owner = None;
        let is_spent = claim.published.is_none() && claim.quarantine.is_none();
        if is_spent || !self.guards.claim_outlives_record {
            state.claim = None;
        }
    }
}

fn create(state: &mut State, id: Id, record: Record) {
    // From now on, this content may be pulled again, so it no longer counts as purged.
    state.purged.remove(&record.content);
    state.records[id] = Some(record);
}

fn send_job(state: &mut State, id: Id) -> Applied {
    let record = state.records[id].as_ref()?;
    require(record.status == Status::Queued)?;
    state.jobs.insert((id, record.attempt));
    Some(())
}

fn delete(state: &mut State, id: Id) -> Applied {
    let record = state.records[id].as_mut()?;
    require(record.status != Status::Deleting && state.deletes_left > 0)?;
    record.status = Status::Deleting;
    state.deletes_left -= 1;
    state.deleting.insert(id);
    Some(())
}

/// Ends a task: releases the lease. If the task is a build, also acknowledges its job.
fn end(state: &mut State, worker: WorkerId, task: Task) -> Option<Step> {
    release(state, worker);
    if let Task::Build { id, attempt, .. } = task {
        state.jobs.remove(&(id, attempt));
    }
    None
}

fn crash(state: &mut State, worker: WorkerId) -> Applied {
    let Worker::Running(task, step) = state.workers[worker] else { return None };
    require(state.crashes_left > 0)?;
    state.crashes_left -= 1;
    state.workers[worker] = Worker::Crashed(Some((task, step)));
    Some(())
}
