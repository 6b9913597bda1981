//! Translates Lambda events to calls of the use cases, and their results to responses.

pub mod http;
pub mod schedule;
pub mod sqs;
