//! Translates Lambda events into calls to the use cases, and the results into responses.

pub mod http;
pub mod schedule;
pub mod sqs;
