//! The gate: what is a pack, and what is wrong with an upload that is not.

#[path = "../support/packs.rs"]
mod packs;

mod capabilities;
mod domains;
mod fragment;
mod layer;
mod layout;
mod manifest;
mod readers;
mod texts;
mod yaml;
