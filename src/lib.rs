//! The service that accepts content packs: `POST /v1/packs/upload` and what follows it.
//!
//! A request reaches [`lambda::http`], which reads the form and asks [`identity`] who the caller is. [`upload`] stages the
//! archive in S3 and validates it at the same time, writes the record through [`aws`] (the commit point), and sends a
//! build job. [`build`] takes the job, validates the staged archive with the same code, and pushes its image through
//! [`registry`]. [`requeue`] sends jobs again that were lost, and fails builds that cannot succeed.
//!
//! What a pack and its image are is in the crate `pack-format`. Dependencies point one way:
//! `bin → lambda → upload, build, requeue → identity, aws, registry → records → pack-format`.

#![warn(clippy::large_futures, clippy::unwrap_used)]

pub mod aws;
pub mod build;
pub mod config;
pub mod error_chain;
pub mod identity;
pub mod lambda;
#[cfg(feature = "local")]
pub mod local;
pub mod records;
pub mod registry;
pub mod requeue;
pub mod telemetry;
pub mod upload;
mod validation;
