//! A model, for the model checker `stateright`, of how a version is published, rebuilt, deleted and quarantined.
//! docs/architecture.md describes the steps.
//!
//! [`Publishing`] is the protocol. It covers:
//!
//! - three uploads of one name and version, in any order: two with content A and one with content B
//! - two workers that build, purge, quarantine or restore
//! - `requeue`, rebuilds and deletions
//!
//! A worker can crash at any step, and the call that it was making may still take effect until its lease expires. The
//! module `invariants` lists the properties that must hold in every reachable state, and a few situations that must
//! occur in some reachable state. [`Guards`] can disable individual guards of the protocol, so that a test can show
//! that an invariant fails without them.
//!
//! The model does not have a clock. The lease of a crashed worker can expire at any time, and after that the worker's
//! last call can no longer take effect. The lease of a restore can also expire before the restore extends it.

mod guards;
mod invariants;
mod lease;
mod operator;
mod protocol;
mod state;

pub use self::{
    guards::Guards,
    protocol::{Action, Publishing},
    state::State,
};
