//! The service: its backends, its HTTP API, its use cases and its table, and all of it together from outside.

mod backends;
mod config;
mod documents;
mod end_to_end;
mod http;
mod readme;
mod support;
mod table;
mod trace;
mod use_cases;
