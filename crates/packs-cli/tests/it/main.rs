//! Tests of `packs`. They run the program.

mod archive;
mod check;
mod digest;
mod fix;
mod help;
mod support;
