//! Runs the system on one machine: the handlers of the Lambda functions, with an embedded S3, DynamoDB, SQS and OCI
//! registry. Options can replace each of these backends with a real one.
//!
//! The handlers call the backends with the same SDK and registry client as in production, so there is only one code
//! path. [`gateway`] replaces API Gateway, [`worker`] replaces Lambda's event source mapping, and [`Issuer`] replaces
//! the issuer of session tokens. This module is not compiled into the Lambda binaries.

mod backends;
mod clients;
mod data_dir;
mod document;
mod dynamodb;
mod error;
mod functions;
pub mod gateway;
mod issuer;
mod options;
mod ports;
mod provision;
mod registry;
mod run;
mod s3;
mod sdk;
mod seed;
mod signing_key;
mod sqs;
mod transactions;
pub mod worker;

pub use self::{
    backends::{Backends, Endpoints},
    clients::Clients,
    data_dir::DataDir,
    error::Error,
    issuer::{Issuer, SessionOptions},
    options::Options,
    provision::{QueueUrls, provision},
    run::run,
    seed::{Keys, seed},
};
