//! The use cases on both sides of the line, on the embedded backends.

mod build;
mod ecr;
mod fixture;
mod panics;
mod push;
mod upload;
