//! The use cases on both sides of the line, on the embedded backends.
#![cfg(feature = "local")]

mod bench;
mod build;
mod ecr;
mod push;
mod upload;
