//! The gate: what is a pack, and what is wrong with an upload that is not.

#[path = "../support/archive.rs"]
mod archive;
#[path = "../support/packs.rs"]
mod packs;
#[path = "../support/readers.rs"]
mod readers;

mod accepted;
mod attacks;
mod capabilities;
mod damage;
mod domains;
mod failures;
mod fragment;
mod generate;
mod judges;
mod layer;
mod layout;
mod limits;
mod manifest;
mod mistakes;
mod support;
mod texts;
mod writers;
mod yaml;
mod yaml_readers;
