//! Tests of the pack format: valid archives and manifests, the problems reported for invalid archives and manifests,
//! and the image of a valid pack.

mod archive;
mod cases;
mod image;
mod layout;
mod manifest;
mod mistakes;
mod runtimes;
mod secrets;
mod support;
mod warnings;
