//! What the tests of this crate share: a running `local`, packs to send it, and eyes for what it keeps.

mod holdings;
mod local;
#[path = "../../support/openapi.rs"]
mod openapi;
mod packs;
mod tools;

pub(crate) use self::{
    holdings::Holdings,
    local::{Answer, Local, form, scratch},
    packs::{PackArchive, manifest, sample_pack},
    tools::{run, tool},
};
