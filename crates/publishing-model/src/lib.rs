//! A model of how a version is published, deleted and quarantined, for the model checker `stateright`. The service does not
//! implement all of it yet: docs/architecture.md describes what it does today.
//!
//! [`Publishing`] is the protocol: three uploads of one name and version (content A, content B, and A again), two workers
//! that build, purge, quarantine or restore, `requeue`, and `DELETE`. A worker can crash at every step; the call that it was
//! making may take effect later, until its lease ends. The module `invariants` says what must hold in every state that
//! can be reached. [`Guards`] takes single steps out of the protocol, so that tests see each invariant fail without the step
//! that guards it.
//!
//! The model has no time: "the lease has ended" is an action that is possible as soon as no request of its holder can take
//! effect any more.

mod guards;
mod invariants;
mod lease;
mod protocol;
mod state;

pub use self::{
    guards::Guards,
    protocol::{Action, Publishing},
    state::State,
};
