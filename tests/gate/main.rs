//! The gate: what is a pack, and what is wrong with an upload that is not.

#[path = "../support/packs.rs"]
mod packs;

mod capabilities;
mod domains;
mod fragment;
mod layer;
mod manifest;
mod texts;
mod yaml;
