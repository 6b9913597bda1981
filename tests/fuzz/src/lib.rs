//! The part of the main crate that is fuzzed, under the main crate's name.
//!
//! Targets name what they fuzz as any other user of the main crate does. To compile all of it with the fuzzer's
//! instrumentation, the AWS SDK included, would take many minutes.

#[path = "../../../src/pack/mod.rs"]
pub mod pack;
