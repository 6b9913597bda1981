//! Storage and messaging: the bucket for staged archives, attestations and saved images (S3), the table (DynamoDB), the
//! queues (SQS) and the event bus (EventBridge). Also creates the SDK clients, including those for ECR, KMS and Secrets
//! Manager.

mod attestations;
mod client;
mod error;
mod events;
mod queue;
mod saved_images;
mod staging;
mod table;

pub use self::{
    attestations::Attestations,
    client::{Timeouts, dynamodb, ecr, eventbridge, kms, s3, secrets_manager, sqs},
    error::Error,
    events::{EventBus, Events},
    queue::{Job, PurgeJob, Queue},
    saved_images::SavedImages,
    staging::{PresignedPut, Staging},
    table::{
        Created, DueCursor, DueItem, DuePage, Filter, INDEXES, Index, Lease, NameFilter, Page, RateCounter, SHARDS,
        Seen, Table, Usage, VersionState,
    },
};
