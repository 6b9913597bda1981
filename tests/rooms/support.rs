//! What the tests of several rooms share.

#[path = "../support/embedded.rs"]
mod embedded;
#[path = "../support/events.rs"]
mod events;
#[path = "../support/openapi.rs"]
pub(crate) mod openapi;
#[path = "../support/tools.rs"]
mod tools;

pub(crate) use self::{
    embedded::{Embedded, options},
    events::event,
    tools::{run, tool},
};
