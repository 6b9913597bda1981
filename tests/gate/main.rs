//! The gate: what comes in as a pack, and what is refused with which words.

#[path = "../support/archive.rs"]
mod archive;

mod accepted;
mod attacks;
mod limits;
mod support;
