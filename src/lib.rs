//! The service that accepts pack uploads and builds images from them.
//!
//! [`lambda::http`] answers requests. It authenticates the caller through [`identity`], counts the request in
//! [`rates`], and parses the form. [`upload`] stages the archive in S3, unless the client has sent it there, and
//! validates it. It then writes the record through [`aws`], and sends a build job; the upload is accepted once its
//! record is written. [`build`] handles the job: it validates the staged archive again, pushes the image through
//! [`registry`], attests it with [`signing`], publishes the version in the table, and tags the image. [`requeue`] sends
//! the jobs of pending builds and purges again, sends events that were not sent, fails builds that have been tried too
//! many times or have been pending for too long, and removes uploads through S3 that were not submitted. [`catalog`]
//! reads packs, and [`lifecycle`] changes and deletes them.
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
