//! Tests that call the library to upload, build, rebuild, quarantine and delete packs, and to push images, with
//! embedded backends, Docker's registry or an emulated ECR.
//!
//! To add a case, start a [`Fixture`](fixture::Fixture), upload a pack with `create` or `submit`, and pass the job to
//! the builder.

mod build;
mod delete;
mod ecr;
pub(crate) mod fixture;
mod late_builds;
mod lifecycle;
mod panics;
mod push;
mod quarantine;
mod rebuild;
mod round_trips;
mod upload;
