//! The Lambda functions: events in, responses out.

pub mod http;
pub mod schedule;
pub mod sqs;
