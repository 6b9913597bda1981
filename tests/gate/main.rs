//! The gate: what is a pack, and what is wrong with an upload that is not.

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
mod readers;
mod support;
mod texts;
mod yaml;
