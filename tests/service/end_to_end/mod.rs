//! End-to-end tests: HTTP requests to a running `local`, and events to the functions' own binaries. `faults` is the
//! fault matrix, `memory` the memory limits.
//!
//! To add a case, start [`Local`](crate::support::Local), send a request, and compare
//! [`BackendState`](crate::support::BackendState) before and after if the request must write nothing.

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
mod uploads;
