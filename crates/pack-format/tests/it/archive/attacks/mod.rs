//! Archives that some tools read differently from others, or that unpack to something dangerous. Each is built byte by
//! byte and must be rejected with exactly these problems.

mod duplicates;
mod end_mark;
mod entry_types;
mod extension_headers;
mod gzip;
mod headers;
mod names;
