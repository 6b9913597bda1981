use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem, builders::PutBuilder},
};
use strum::{EnumString, ParseError};

use super::{Table, item::Item};
use crate::aws::Error;

/// The longest wait before each retry of a transaction that conflicted with another write.
const CONFLICT_BACKOFF: [Duration; 5] = [
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// Why DynamoDB canceled a transaction.
enum Cancellation {
    /// A condition failed.
    Condition,
    /// Another write was in progress on one of the items, or DynamoDB throttled. No condition failed.
    Conflict,
    /// Any other reason. Retrying does not help.
    Other,
}

/// The code of a cancellation reason. DynamoDB returns one reason for each item (API reference, `TransactWriteItems`,
/// "Errors").
#[derive(Clone, Copy, PartialEq, Eq, EnumString)]
enum ReasonCode {
    None,
    ConditionalCheckFailed,
    TransactionConflict,
    ThrottlingError,
    ProvisionedThroughputExceeded,
    ItemCollectionSizeLimitExceeded,
    ValidationError,
}

impl Table {
    /// Writes all items or none. Returns false if a condition fails.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the transaction still conflicts with other writes or is throttled after all retries,
    /// if DynamoDB cancels it for another reason, or if the call fails. After a failed call, the items may have been
    /// written.
    pub(super) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<bool, Error> {
        let mut backoff = CONFLICT_BACKOFF.into_iter();
        loop {
            let transaction = self.client.transact_write_items().set_transact_items(Some(writes.clone()));
            let Err(error) = transaction.send().await else { return Ok(true) };
            match (cancellation(&error), backoff.next()) {
                (Some(Cancellation::Condition), _) => return Ok(false),
                (Some(Cancellation::Conflict), Some(wait)) => tokio::time::sleep(jittered(wait)).await,
                (Some(Cancellation::Conflict), None) | (Some(Cancellation::Other) | None, _) => {
                    return Err(Error::call("TransactWriteItems")(error));
                }
            }
        }
    }

    /// Returns a put to this table. The caller may add a condition.
    pub(super) fn put(&self, item: Item) -> PutBuilder {
        Put::builder().table_name(&self.name).set_item(Some(item))
    }

    /// Returns a put that fails if the item exists.
    pub(super) fn put_new(&self, item: Item) -> Result<TransactWriteItem, Error> {
        let put = self.put(item).condition_expression("attribute_not_exists(pk)").build();
        Ok(TransactWriteItem::builder().put(put.map_err(Error::call("TransactWriteItems"))?).build())
    }
}

/// Returns why a transaction was canceled, or `None` if the call failed for another reason.
fn cancellation<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Cancellation> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    let mut cancellation = Cancellation::Conflict;
    for code in cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()) {
        match code.parse() {
            Ok(ReasonCode::ConditionalCheckFailed) => return Some(Cancellation::Condition),
            Ok(ReasonCode::ItemCollectionSizeLimitExceeded | ReasonCode::ValidationError)
            | Err(ParseError::VariantNotFound) => cancellation = Cancellation::Other,
            Ok(
                ReasonCode::None
                | ReasonCode::TransactionConflict
                | ReasonCode::ThrottlingError
                | ReasonCode::ProvisionedThroughputExceeded,
            ) => {}
        }
    }
    Some(cancellation)
}

/// Returns a random duration of at most `longest`, so that conflicting writers do not retry at the same time.
fn jittered(longest: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    longest.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
