//! S3, DynamoDB and SQS behind the few verbs that the use cases need.

mod client;
mod error;
mod queue;
mod staging;
mod table;

pub use self::{
    client::{Timeouts, dynamodb, ecr, s3, secrets_manager, sqs},
    error::Error,
    queue::{Job, Queue},
    staging::{PresignedPut, Staging},
    table::{Created, Filter, Page, PendingPage, Table},
};
