use crate::state::{Claim, State, WorkerId};

/// Takes the lease. Returns `None` if a worker already holds it, or if there is no claim.
pub(crate) fn take_lease(state: &mut State, worker: WorkerId) -> Option<()> {
    let claim = state.claim.as_mut()?;
    claim.lease.is_none().then(|| claim.lease = Some(worker))
}

/// Returns the claim if the worker holds its lease.
pub(crate) fn held_claim(state: &mut State, worker: WorkerId) -> Option<&mut Claim> {
    state.claim.as_mut().filter(|claim| claim.lease == Some(worker))
}

pub(crate) fn release(state: &mut State, worker: WorkerId) {
    if let Some(claim) = held_claim(state, worker) {
        claim.lease = None;
    }
}
