use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem, builders::PutBuilder},
};

use super::{Table, item::Item};
use crate::aws::Error;

/// How long to wait, at most, before a transaction that met another one is tried again.
const CONFLICT_BACKOFF: [Duration; 5] = [
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// Why DynamoDB cancelled a transaction, read from its reasons (API reference, `TransactWriteItems`, "Errors").
enum Cancellation {
    /// A condition does not hold.
    Condition,
    /// Another transaction or write was under way on one of the items, or the table throttled; no condition failed.
    Conflict,
}

impl Table {
    /// Writes all of these or none; false if a condition does not hold.
    ///
    /// # Errors
    /// When DynamoDB fails, which leaves open whether they were written, or when conflicts do not cease.
    pub(super) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<bool, Error> {
        let mut backoff = CONFLICT_BACKOFF.into_iter();
        loop {
            let transaction = self.client.transact_write_items().set_transact_items(Some(writes.clone()));
            let Err(error) = transaction.send().await else { return Ok(true) };
            match (cancellation(&error), backoff.next()) {
                (Some(Cancellation::Condition), _) => return Ok(false),
                (Some(Cancellation::Conflict), Some(wait)) => tokio::time::sleep(jittered(wait)).await,
                _ => return Err(Error::of("TransactWriteItems")(error)),
            }
        }
    }

    /// A put of this table, to which a condition is added.
    pub(super) fn put(&self, item: Item) -> PutBuilder {
        Put::builder().table_name(&self.name).set_item(Some(item))
    }

    /// The put of an item that must not be there yet.
    pub(super) fn put_absent(&self, item: Item) -> Result<TransactWriteItem, Error> {
        let put = self.put(item).condition_expression("attribute_not_exists(pk)").build();
        Ok(TransactWriteItem::builder().put(put.map_err(Error::of("TransactWriteItems"))?).build())
    }
}

fn cancellation<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Cancellation> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else {
        return None;
    };
    let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    if codes.clone().any(|code| code == "ConditionalCheckFailed") {
        return Some(Cancellation::Condition);
    }
    let passing = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    codes.all(|code| passing.contains(&code)).then_some(Cancellation::Conflict)
}

/// A random part of `longest`, so that those who met do not meet again.
fn jittered(longest: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    longest.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
