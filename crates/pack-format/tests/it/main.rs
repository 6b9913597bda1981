//! Tests of the pack format: which archives and manifests are valid, what the author of an invalid one is told, and the
//! image of a valid pack.

mod archive;
mod cases;
mod image;
mod layout;
mod manifest;
mod mistakes;
mod runtimes;
mod support;
