//! Uploads, builds and pushes as library calls on embedded backends, and on Docker's registry and an emulated ECR.
//!
//! To add a case, start a [`Fixture`](fixture::Fixture), upload with `create` or `submit`, and run the builder on the
//! job.

mod build;
mod ecr;
mod fixture;
mod panics;
mod push;
mod upload;
