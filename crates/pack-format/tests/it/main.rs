//! The gate: what is a pack, and what is wrong with an upload that is not.

mod accepted;
mod attacks;
mod capabilities;
mod damage;
mod domains;
mod failures;
mod fragment;
mod generate;
mod layer;
mod layout;
mod limits;
mod manifest;
mod mistakes;
mod other_readers;
mod support;
mod texts;
mod writers;
mod yaml;
mod yaml_readers;
