//! The whole system on one machine.

pub(crate) mod sqs;
