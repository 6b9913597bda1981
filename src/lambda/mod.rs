//! The Lambda functions: events in, responses out.

pub mod http;
