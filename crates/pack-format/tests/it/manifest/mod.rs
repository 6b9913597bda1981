//! Tests of `pack.yaml`.

mod capabilities;
mod capabilities_fragment;
mod domains;
mod keys;
mod text;
mod yaml;
mod yaml_readers;
