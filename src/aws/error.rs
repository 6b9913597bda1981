use aws_sdk_dynamodb::error::BoxError;

use crate::records::PackId;

/// An error in storage or messaging: S3, DynamoDB, SQS or EventBridge.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call failed. If the response was lost, the call may have taken effect.
    #[error("{operation} failed")]
    Call {
        /// The name of the API operation, such as `PutObject`.
        operation: &'static str,
        source: BoxError,
    },
    #[error("cannot sign the upload URL")]
    Sign(#[source] BoxError),
    /// A stored item or object cannot be parsed. Retrying does not help.
    #[error("{key} is corrupt")]
    Corrupt {
        /// The item's partition key and sort key, separated by a space, or the object's key.
        key: String,
        source: BoxError,
    },
    #[error("cannot serialize the item")]
    EncodeItem(#[source] serde_dynamo::Error),
    #[error("cannot serialize the job")]
    EncodeJob(#[source] serde_json::Error),
    #[error("cannot serialize the event")]
    EncodeEvent(#[source] serde_json::Error),
    /// A version claim names a record that does not exist, and rereading the claim several times did not help.
    #[error("a version claim names {pack_id}, which does not exist")]
    MissingRecord { pack_id: PackId },
    /// Other writes changed the items that this write depends on. It is safe to retry.
    #[error("other writes changed the same items")]
    ConcurrentWrites,
}

impl Error {
    /// Returns a closure for `map_err` that wraps an error in [`Error::Call`]: `.map_err(Error::call("PutObject"))`.
    pub(crate) fn call<E: Into<BoxError>>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Call { operation, source: source.into() }
    }
}
