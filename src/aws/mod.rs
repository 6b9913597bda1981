//! Storage and messaging: the staging bucket (S3), the table (DynamoDB) and the queues (SQS).

mod client;
mod error;
mod queue;
mod saved_images;
mod staging;
mod table;

pub use self::{
    client::{Timeouts, dynamodb, ecr, s3, secrets_manager, sqs},
    error::Error,
    queue::{Job, PurgeJob, Queue},
    saved_images::SavedImages,
    staging::{PresignedPut, Staging},
    table::{Created, Filter, INDEXES, Index, Lease, NameFilter, Page, PendingPage, Table, VersionState},
};
