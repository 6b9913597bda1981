//! Tests for the pack format: valid archives and manifests, the problems reported for invalid ones, and the image of a
//! valid pack.

mod archive;
mod cases;
mod hidden_text;
mod image;
mod layout;
mod manifest;
mod mistakes;
mod runtimes;
mod secrets;
mod support;
mod warnings;
