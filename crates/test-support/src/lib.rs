//! What several test suites and benchmarks share.

#![allow(clippy::len_without_is_empty, reason = "`len` is the number of bytes written so far")]

pub mod archive;
pub mod generated;
pub mod packs;
pub mod process;
pub mod readers;
mod tools;

#[cfg(feature = "service")]
mod embedded;
#[cfg(feature = "service")]
mod events;
#[cfg(feature = "service")]
mod runtime_api;

pub use self::tools::{run, tool};
#[cfg(feature = "service")]
pub use self::{
    embedded::{Embedded, options},
    events::event,
    runtime_api::{Function, Outcome},
};
