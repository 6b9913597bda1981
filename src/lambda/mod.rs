//! Translates Lambda events into calls of the use cases, and the results into responses.

pub mod http;
pub mod schedule;
pub mod sqs;
