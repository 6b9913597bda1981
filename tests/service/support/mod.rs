//! What the tests of this crate share: a running `local`, the Lambdas' own binaries, packs to send them, and eyes for
//! what they keep.

mod holdings;
mod local;
#[path = "../../support/openapi.rs"]
mod openapi;
mod packs;
mod runtime_api;
mod tools;

pub(crate) use self::{
    holdings::Holdings,
    local::{Answer, Local, form, scratch},
    packs::{PackArchive, manifest, sample_pack},
    runtime_api::Function,
    tools::{run, tool},
};
