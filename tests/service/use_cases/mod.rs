//! The use cases on both sides of the line, on the embedded backends.

mod bench;
mod build;
mod ecr;
mod panics;
mod push;
mod upload;
