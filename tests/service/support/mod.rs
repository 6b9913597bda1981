//! What the tests of this crate share: a running `local`, the Lambdas' own binaries, packs to send them, and eyes for
//! what they keep.

#[path = "../../support/calls.rs"]
pub(crate) mod calls;
#[path = "../../support/embedded.rs"]
mod embedded;
#[path = "../../support/events.rs"]
mod events;
mod holdings;
mod local;
#[path = "../../support/openapi.rs"]
mod openapi;
mod packs;
mod runtime_api;
mod stand_in;
#[path = "../../support/tools.rs"]
mod tools;

pub(crate) use self::{
    embedded::Embedded,
    events::event,
    holdings::Holdings,
    local::{Answer, Local, form, scratch, send},
    packs::{PackArchive, manifest, sample_pack},
    runtime_api::Function,
    stand_in::StandIn,
    tools::{run, tool},
};
