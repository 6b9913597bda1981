//! The service that accepts pack uploads and builds images from them.
//!
//! [`lambda::http`] answers requests. It authenticates the caller through [`identity`], counts the request in
//! [`rates`], and parses it. [`upload`] stages the archive in S3, unless the client has sent it there, and validates
//! it. It then writes the record through [`aws`], and sends a build job; the upload is accepted when its record is
//! written. [`build`] handles the job: it reads the staged archive again, pushes the image through [`registry`],
//! attests it with [`signing`], publishes the version in the table, tags the image, and marks the record as ready.
//! [`requeue`] sends the jobs of pending builds and purges again, sends events that were not sent, fails builds that
//! have been tried too many times or have been pending for too long, and removes uploads that were begun but never
//! submitted. [`catalog`] reads packs and their attestations, and [`lifecycle`] changes and deletes packs.
//!
//! The crate `pack-format` defines what a pack and its image are. Dependencies point one way:
//! ```text
//! bin → lambda → upload, catalog, lifecycle, build, requeue, rates → identity, aws, registry, signing → records
//!     → pack-format
//! ```

#![warn(clippy::large_futures, clippy::unwrap_used)]

pub mod aws;
pub mod build;
mod cache;
pub mod catalog;
pub mod config;
pub mod error_chain;
pub mod identity;
pub mod lambda;
pub mod lifecycle;
#[cfg(feature = "local")]
pub mod local;
pub mod rates;
pub mod records;
pub mod registry;
pub mod requeue;
pub mod signing;
pub mod telemetry;
pub mod upload;
mod validation;
