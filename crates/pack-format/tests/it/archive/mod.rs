//! Tests for an archive's gzip stream and tar, for the limits on archives, and for I/O errors. Also compares the
//! validator with other tar readers and writers.

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
