//! The gate: what comes in as a pack, and what is refused with which words.

#[path = "../support/archive.rs"]
mod archive;
#[path = "../support/readers.rs"]
mod readers;

mod accepted;
mod attacks;
mod damage;
mod generate;
mod judges;
mod limits;
mod support;
mod writers;
