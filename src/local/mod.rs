//! The whole system on one machine: the handlers of the Lambdas on embedded S3, DynamoDB, SQS and OCI registry.
//!
//! The backends are spoken to over loopback through the same SDK and registry client as in production, so there is one
//! code path. [`gateway`] stands in for API Gateway, [`worker`] for Lambda's event source mapping. No code of this room
//! is in a Lambda's binary.

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
mod sqs;
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
