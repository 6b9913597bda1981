//! Archives that tools read differently, or that are dangerous to unpack. The tests build each archive byte by byte and
//! compare the problems that it is rejected with.

mod duplicates;
mod end_mark;
mod entry_types;
mod extension_headers;
mod gzip;
mod headers;
mod names;
