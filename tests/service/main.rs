//! The service through its public doors: HTTP requests to `local`, and events to the Lambdas' own binaries.

#[path = "../support/archive.rs"]
#[expect(dead_code, reason = "the gate's tests need more of it")]
mod archive;

mod clients;
mod faults;
mod image;
mod lambda;
mod large;
mod memory;
mod reads;
mod rejections;
mod restart;
mod script;
mod sessions;
mod start;
mod support;
mod uploads;
