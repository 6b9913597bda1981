//! Tests of the service. Each module's documentation says what it covers and how to add a case. `support` has helpers.
//!
//! `backends` tests the embedded backends of `local`; `table`, reads and writes of the DynamoDB table; `use_cases`,
//! uploads, builds and pushes. `http` sends API Gateway events to the HTTP layer in this process. `end_to_end` sends
//! HTTP requests to a running `local` and events to the functions' binaries. `dependencies` checks which modules use
//! which.

mod backends;
mod config;
mod dependencies;
mod documents;
mod end_to_end;
mod http;
mod readme;
mod support;
mod table;
mod trace;
mod use_cases;
