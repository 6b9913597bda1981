//! The calls that the Lambda functions make, and the faults that a proxy can inject into a call.

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

/// One of the three Lambda functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Api,
    Builder,
    Requeue,
}

impl Role {
    /// Returns the name of the Lambda function's binary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Builder => "builder",
            Self::Requeue => "requeue",
        }
    }

    /// Returns the path of the binary. If `FUNCTIONS` is set to the output directory of `cargo lambda build`, the
    /// binary comes from there. Otherwise, it comes from this build.
    pub(crate) fn binary(self) -> PathBuf {
        match (env::var_os("FUNCTIONS"), self) {
            (Some(directory), _) => Path::new(&directory).join(self.name()).join("bootstrap"),
            (None, Self::Api) => env!("CARGO_BIN_EXE_api").into(),
            (None, Self::Builder) => env!("CARGO_BIN_EXE_builder").into(),
            (None, Self::Requeue) => env!("CARGO_BIN_EXE_requeue").into(),
        }
    }
}

/// A backend behind a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    S3,
    DynamoDb,
    Sqs,
    Registry,
}

/// A kind of call that a Lambda function makes, such as `TransactWriteItems` to DynamoDB or `PUT manifests` to the
/// registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) caller: Role,
    pub(crate) service: Service,
    pub(crate) operation: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?} {}", self.caller, self.service, self.operation)
    }
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection closes before the backend receives the request.
    RequestLost,
    /// The backend handles the request, but the connection closes before the response.
    ResponseLost,
    /// The backend throttles the caller.
    Throttled,
    /// The backend responds with an internal error.
    InternalError,
    /// DynamoDB cancels the transaction because it conflicts with another transaction.
    TransactionConflict,
    /// The connection closes after half of the response.
    ResponseTruncated,
    /// The backend never responds.
    Hangs,
    /// The Lambda function's process is killed before the request reaches the backend.
    KilledBefore,
    /// The backend handles the request, and the Lambda function's process is killed before the response.
    KilledAfter,
}

/// A fault to inject into certain calls.
#[derive(Debug, Clone)]
pub(crate) struct PlannedFault {
    pub(crate) call: Call,
    /// The number of matching calls before the first one that gets this fault.
    pub(crate) skip: u32,
    pub(crate) fault: Fault,
    /// The maximum number of calls that get this fault. They are consecutive.
    pub(crate) times: u32,
}

impl fmt::Display for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}: {:?} × {}", self.call, self.skip, self.fault, self.times)
    }
}
