use crate::{
    lease::{held_claim, take_lease},
    protocol::{Applied, Publishing, require},
    state::{Id, Quarantine, Record, State, Status, Step, Task, Worker, WorkerId},
};

impl Publishing {
    pub(crate) fn begin_quarantine(&self, state: &mut State, worker: WorkerId) -> Applied {
        let (id, record) = state.owner()?;
        require(matches!(record.status, Status::Ready | Status::Quarantined))?;
        let content = record.content;
        // Quarantining a version that is already quarantined repeats the quarantine. There is no limit on repetitions.
        if state.claim.as_ref()?.quarantine.is_none() {
            require(state.quarantines_left > 0)?;
            state.quarantines_left -= 1;
        }
        if self.guards.quarantine_takes_lease {
            take_lease(state, worker)?;
        }
        state.claim.as_mut()?.quarantine = Some(Quarantine::Changing);
        state.records[id].as_mut()?.status = Status::Quarantined;
        state.workers[worker] = Worker::Running(Task::Quarantine { content }, Step::Save);
        Some(())
    }
}

pub(crate) fn rebuild(state: &mut State, id: Id) -> Applied {
    let record = state.records[id].as_mut()?;
    require(record.status == Status::Ready && state.rebuilds_left > 0)?;
    queue_next_attempt(record);
    state.rebuilds_left -= 1;
    Some(())
}

fn queue_next_attempt(record: &mut Record) {
    record.status = Status::Queued;
    record.attempt += 1;
    record.tried = false;
}

pub(crate) fn begin_restore(state: &mut State, worker: WorkerId) -> Applied {
    let (id, record) = state.owner()?;
    require(record.status == Status::Quarantined && state.saved.is_some())?;
    let (attempt, content) = (record.attempt, record.content);
    take_lease(state, worker)?;
    state.claim.as_mut()?.quarantine = Some(Quarantine::Changing);
    state.workers[worker] = Worker::Running(Task::Restore { id, attempt, content }, Step::ExtendLease);
    Some(())
}

/// Returns the id of the record to restore, if the record still owns the version and is still quarantined in the same
/// attempt.
pub(crate) fn quarantined(state: &State, task: Task) -> Option<Id> {
    let Task::Restore { id, attempt, .. } = task else { return None };
    let (owner, record) = state.owner()?;
    (owner == id && record.status == Status::Quarantined && record.attempt == attempt).then_some(id)
}

/// Runs the transaction that ends a quarantine: removes the quarantine from the claim, and queues the record's next
/// attempt. Changes nothing if the worker has lost the lease, or if the record is no longer quarantined in the same
/// attempt.
pub(crate) fn end_quarantine(state: &mut State, worker: WorkerId, task: Task) {
    let Some(id) = quarantined(state, task) else { return };
    let Some(claim) = held_claim(state, worker) else { return };
    claim.quarantine = None;
    if let Some(record) = state.records[id].as_mut() {
        queue_next_attempt(record);
    }
    state.restored = true;
}
