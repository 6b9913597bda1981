//! The gate: what comes in as a pack, and what is refused with which words.

#[path = "../support/archive.rs"]
mod archive;
#[path = "../support/packs.rs"]
mod packs;

mod accepted;
mod attacks;
mod capabilities;
mod domains;
mod fragment;
mod layer;
mod layout;
mod limits;
mod manifest;
mod mistakes;
mod readers;
mod support;
mod texts;
mod yaml;
