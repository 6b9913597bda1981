//! Storage and messaging: the bucket of staged archives and attestations (S3), the table (DynamoDB) and the queues
//! (SQS).

mod attestations;
mod client;
mod error;
mod queue;
mod staging;
mod table;

pub use self::{
    attestations::Attestations,
    client::{Timeouts, dynamodb, ecr, kms, s3, secrets_manager, sqs},
    error::Error,
    queue::{Job, PurgeJob, Queue},
    staging::{PresignedPut, Staging},
    table::{Created, Filter, Lease, NameFilter, Page, PendingPage, Table, VersionState},
};
