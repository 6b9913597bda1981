use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard},
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextMut, FinalizerInterceptorContextRef},
    },
    error::BoxError,
    operation::{
        batch_get_item::{BatchGetItemInput, BatchGetItemOutput},
        get_item::{GetItemInput, GetItemOutput},
        query::{QueryInput, QueryOutput},
        transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::ReturnConsumedCapacity,
};

/// The AWS calls that a request or a run of `requeue` makes, and the DynamoDB capacity that they consume.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// The number of calls to AWS.
    pub calls: usize,
    /// The consumed capacity of the table and its indexes, in read units.
    pub read_units: f64,
    /// The consumed capacity of the table and its indexes, in write units.
    pub write_units: f64,
}

/// An interceptor that adds up the usage of all clients it is configured for.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    /// Returns the usage since this method was last called.
    pub fn take(&self) -> Usage {
        mem::take(&mut self.usage())
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.0.lock().expect("no code panics while it holds the lock")
    }
}

/// Implements [`Intercept`]. Counts every call. Makes each listed DynamoDB operation return its consumed capacity, and
/// adds that to the read units or the write units.
macro_rules! operations {
    ($($input:ident -> $output:ident: $units:ident;)*) => {
        impl Intercept for Meter {
            fn name(&self) -> &'static str {
                "meter"
            }

            fn modify_before_serialization(
                &self,
                context: &mut BeforeSerializationInterceptorContextMut<'_>,
                _: &RuntimeComponents,
                _: &mut ConfigBag,
            ) -> Result<(), BoxError> {
                $(if let Some(input) = context.input_mut().downcast_mut::<$input>() {
                    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
                })*
                Ok(())
            }

            fn read_after_execution(
                &self,
                context: &FinalizerInterceptorContextRef<'_>,
                _: &RuntimeComponents,
                _: &mut ConfigBag,
            ) -> Result<(), BoxError> {
                let mut usage = self.usage();
                usage.calls += 1;
                let Some(Ok(output)) = context.output_or_error() else { return Ok(()) };
                $(if let Some(output) = output.downcast_ref::<$output>() {
                    let consumed = output.consumed_capacity().into_iter();
                    usage.$units += consumed.filter_map(|consumed| consumed.capacity_units()).sum::<f64>();
                })*
                Ok(())
            }
        }
    };
}

operations! {
    BatchGetItemInput -> BatchGetItemOutput: read_units;
    GetItemInput -> GetItemOutput: read_units;
    QueryInput -> QueryOutput: read_units;
    TransactWriteItemsInput -> TransactWriteItemsOutput: write_units;
    UpdateItemInput -> UpdateItemOutput: write_units;
}
