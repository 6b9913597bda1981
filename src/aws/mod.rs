//! S3, DynamoDB and SQS behind the few verbs that the use cases need.

mod error;
mod queue;
mod staging;
mod table;

pub use self::{
    error::Error,
    queue::{Job, Queue},
    staging::Staging,
    table::{Created, Filter, Page, Table},
};
