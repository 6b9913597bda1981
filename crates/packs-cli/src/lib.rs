//! `packs`: creates, checks, archives, compares and uploads content packs, manages uploaded packs, and verifies their
//! images. It validates archives with the service's own code, so it finds the same problems as the service.
//!
//! - [`cli`] defines the commands and their options, and [`commands`] runs them.
//! - [`source`] reads a pack's directory or archive, and writes reproducible archives.
//! - [`validation`] validates an archive as the service does. [`report`] prints the problems, and [`fix`] applies
//!   suggestions.
//! - [`service`] sends requests to the service, and [`registry`] reads image manifests and bundles from a registry.
//! - [`verification`] verifies the signed provenance of images.

#![warn(clippy::unwrap_used)]

pub mod cli;
pub mod commands;
pub mod error;
pub mod fix;
mod http;
mod interrupt;
pub mod output;
pub mod pack_id;
pub mod registry;
pub mod report;
pub mod service;
pub mod source;
pub mod target;
pub mod validation;
pub mod verification;

pub use self::{cli::Cli, commands::Outcome, error::Error};
