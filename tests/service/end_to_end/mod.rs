//! End-to-end tests. They send HTTP requests to a running `local`, and events to the Lambda functions' binaries.
//! `faults` contains the fault matrix, and `memory` checks the memory limits.
//!
//! To add a case, start [`Local`](crate::support::Local) and send a request. If the request must not write anything,
//! compare the [`BackendState`](crate::support::BackendState) before and after.

mod backlog;
mod ci;
mod clients;
mod events;
mod faults;
mod image;
mod lambda;
mod large;
mod late_build;
mod lifecycle;
mod memory;
mod packs;
mod quarantine;
mod reads;
mod rejections;
mod restart;
mod sessions;
mod start;
mod uploads;
