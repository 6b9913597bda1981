//! Tests for an archive's gzip stream and tar.

mod attacks;
mod damage;
mod differential;
pub(crate) mod generated;
mod io_errors;
mod limits;
mod tar_options;
mod tar_readers;
mod tar_writers;
mod valid;
