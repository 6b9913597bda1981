//! Helpers that several test suites and benchmarks share.

pub mod archive;
pub mod directories;
pub mod generated;
mod gnu_tar;
mod header;
pub mod listing;
pub mod manifest;
pub mod mistakes;
pub mod mutations;
pub mod process;
pub mod readers;
mod repository;
pub mod suggestions;
mod tools;
pub mod validation;

#[cfg(feature = "service")]
mod embedded;
#[cfg(feature = "service")]
mod meter;
#[cfg(feature = "service")]
mod runtime_api;

#[cfg(feature = "service")]
pub use self::{
    embedded::{Embedded, options},
    meter::{Meter, Usage},
    repository::event,
    runtime_api::{Function, Outcome},
};
pub use self::{
    gnu_tar::{LAYER_COMMAND, digest_by_documented_command, layer_by_gnu_tar},
    repository::sample_pack,
    tools::{report_missing, run, run_batch, tool},
};
