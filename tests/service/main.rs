//! Tests of the service. Each module says what it covers and how to add a case; the helpers are in `support`.
//!
//! `backends`: the embedded backends of `local`. `table`: reads and writes of the DynamoDB table. `use_cases`: uploads,
//! builds and pushes. `http`: API Gateway events to the HTTP layer in this process. `end_to_end`: HTTP to a running
//! `local`, and events to the binaries of the functions. `dependencies`: which modules may use which.

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
