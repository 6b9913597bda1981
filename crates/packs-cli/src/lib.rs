//! `packs`: checks, archives and uploads content packs. It validates with the service's own code, so the service
//! accepts every archive that `packs` accepts.
//!
//! - [`cli`] defines the commands and their options, [`commands`] runs them.
//! - [`source`] reads a pack's directory or archive, and writes reproducible archives.
//! - [`verdict`] validates an archive as the service does. [`report`] prints the problems, [`fix`] applies suggestions.
//! - [`service`] sends requests to the service.

#![warn(clippy::unwrap_used)]

pub mod cli;
pub mod commands;
pub mod error;
pub mod fix;
pub mod output;
pub mod pack_id;
pub mod report;
pub mod service;
pub mod source;
pub mod verdict;

pub use self::{cli::Cli, commands::Outcome, error::Error};
