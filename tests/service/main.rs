//! Tests for the service. Each module's documentation says what the module tests, and often how to add a case.
//! `support` contains helpers.
//!
//! - `attestations` tests the attestations that builds sign, and verifies them with other tools.
//! - `backends` tests the embedded backends of `local`.
//! - `table` tests reads from and writes to the DynamoDB table.
//! - `use_cases` calls the library to upload, build, rebuild, quarantine and delete packs, and to push images.
//! - `http` sends API Gateway events to the HTTP layer in this process.
//! - `end_to_end` sends HTTP requests to a running `local`, and events to the Lambda functions' binaries.
//! - `config` and `trace` test how environment variables and X-Ray trace headers are read.
//! - `dependencies` checks which modules use which.
//! - `documents` and `readme` check the documents against the code.

mod attestations;
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
