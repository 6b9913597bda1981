//! The endpoint that takes content packs in: `POST /v1/packs/upload`.
//!
//! An upload travels down these rooms. [`http`] reads the request and [`identity`] says who asks; [`upload`] stages
//! the archive in S3 while [`pack`] judges it and [`image`] computes the digest that it will have; [`aws`] writes the
//! record, which is the commit point, and enqueues the build. Below the line [`build`] reads the staged archive again
//! with the same code, assembles the image, and [`registry`] pushes it. [`requeue`] looks after what fell between.
//!
//! Arrows point down only: `bin → http → upload/build/requeue → identity, aws, registry → image → pack`.

#![warn(clippy::large_futures, clippy::unwrap_used)]

pub mod aws;
pub mod build;
pub mod config;
pub mod error_chain;
pub mod http;
pub mod identity;
pub mod image;
mod judgement;
#[cfg(feature = "local")]
pub mod local;
pub mod pack;
pub mod registry;
pub mod requeue;
pub mod telemetry;
pub mod upload;
