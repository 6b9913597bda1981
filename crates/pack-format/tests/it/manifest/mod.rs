//! Tests for `pack.yaml`.

mod capabilities;
mod capabilities_fragment;
mod domains;
mod keys;
pub(crate) mod schema;
mod text;
mod yaml;
mod yaml_readers;
