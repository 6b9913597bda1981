//! Storage and messaging: the staging bucket (S3), the table (DynamoDB) and the queues (SQS).

mod client;
mod error;
mod queue;
mod staging;
mod table;

pub use self::{
    client::{Timeouts, dynamodb, ecr, s3, secrets_manager, sqs},
    error::Error,
    queue::{Job, PurgeJob, Queue},
    staging::{PresignedPut, Staging},
    table::{Created, DueCursor, DuePage, Filter, Lease, NameFilter, Page, SHARDS, Table, VersionState},
};
