//! Tests that run the `packs` program.

mod archive;
mod check;
mod diff;
mod digest;
mod fix;
mod help;
mod init;
mod interrupt;
mod push;
mod records;
mod server;
mod support;
mod verify;
