//! The fault matrix. It runs the Lambda functions' binaries with a proxy in front of each backend. Every call that a
//! workflow makes fails in several ways, one per case: the request or the response is lost, the backend throttles or
//! reports an error, a transaction conflicts with another one, the call hangs, the response is truncated, or the Lambda
//! function is killed before or after the call.
//!
//! After every invocation, [`ConsistencyCheck`](consistency::ConsistencyCheck) checks that the table and the registry
//! are consistent. At the end of a case:
//!
//! - The image of an accepted upload must have the promised digest.
//! - The response to a failed upload must have been a 503 with `Retry-After`.
//! - Uploading the same archive again must succeed. If the first upload was accepted, the response must contain the
//!   same record.
//! - The dead-letter queues must be empty.
//!
//! If the workflow deletes a pack, it must then be impossible to pull the image, and uploading the pack again must
//! succeed.
//!
//! The modules `deadlines`, `poison`, `races` and `round_trips` test request deadlines, jobs that crash the builder,
//! concurrent uploads and the number of round trips.
//!
//! To add a workflow, add a variant to [`Workflow`](workflow::Workflow) and a test to `matrix`. To add a fault, add a
//! variant to [`Fault`](fault::Fault), apply it in `proxy` and list it in `matrix`.

mod consistency;
mod deadlines;
mod error_responses;
mod fault;
mod injector;
mod lambda_stack;
mod matrix;
mod poison;
pub(crate) mod proxy;
mod races;
mod round_trips;
mod workflow;

pub(crate) use self::{
    fault::Role,
    injector::FaultInjector,
    lambda_stack::{LambdaStack, begin, delete, submit, upload},
};
