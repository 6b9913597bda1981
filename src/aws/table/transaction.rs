use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Put, TransactWriteItem, builders::PutBuilder},
};
use strum::{EnumString, ParseError};

use super::{Table, item::Item};
use crate::aws::Error;

/// The maximum number of retries if a transaction conflicts with another write or is throttled. All uploads of an org
/// change the item with the org's counters, so their transactions conflict. If 60 uploads write at once and each
/// transaction takes 30 ms, the last one needs up to 20 retries.
const MAX_RETRIES: u32 = 24;
/// The longest wait before the first retry. It doubles with each retry.
const FIRST_BACKOFF: Duration = Duration::from_millis(25);
/// The longest wait before any retry.
const MAX_BACKOFF: Duration = Duration::from_millis(400);

/// The result of a transaction.
pub(super) enum Transaction {
    Written,
    /// A condition does not hold. There is one reason for each write, in the order of the writes.
    Refused(Vec<Reason>),
}

/// Whether one write of a transaction was refused.
pub(super) struct Reason {
    pub(super) is_refused: bool,
    /// The existing item, if there is one and the write asks DynamoDB to return it.
    pub(super) item: Option<Item>,
}

/// Why DynamoDB canceled a transaction.
enum Cancellation {
    /// A condition does not hold.
    Condition(Vec<Reason>),
    /// Another write was in progress on one of the items, or DynamoDB throttled the request. No condition failed.
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
    /// Applies all writes or none. Returns false if a condition fails.
    ///
    /// # Errors
    /// Returns [`Error::Call`] if the transaction still conflicts with other writes or is throttled after all retries,
    /// if DynamoDB cancels it for another reason, or if the call fails. After a failed call, the writes may have been
    /// applied.
    pub(super) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<bool, Error> {
        Ok(matches!(self.try_transact(writes).await?, Transaction::Written))
    }

    /// Applies all writes or none, as [`Table::transact`] does. If a condition fails, returns the reasons.
    pub(super) async fn try_transact(&self, writes: Vec<TransactWriteItem>) -> Result<Transaction, Error> {
        let mut retries = (0..MAX_RETRIES).map(|retry| (FIRST_BACKOFF * 2_u32.saturating_pow(retry)).min(MAX_BACKOFF));
        loop {
            let transaction = self.client.transact_write_items().set_transact_items(Some(writes.clone()));
            let Err(error) = transaction.send().await else { return Ok(Transaction::Written) };
            match (cancellation(&error), retries.next()) {
                (Some(Cancellation::Condition(reasons)), _) => return Ok(Transaction::Refused(reasons)),
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
            Ok(ReasonCode::ConditionalCheckFailed) => {
                return Some(Cancellation::Condition(cancelled.cancellation_reasons().iter().map(reason).collect()));
            }
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

fn reason(reason: &CancellationReason) -> Reason {
    let is_refused = reason.code().is_some_and(|code| code.parse() == Ok(ReasonCode::ConditionalCheckFailed));
    Reason { is_refused, item: reason.item().cloned() }
}

/// Returns a random duration of at most `longest`, so that conflicting writers do not retry at the same time.
fn jittered(longest: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    longest.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
