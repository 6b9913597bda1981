//! Tests that archives are rejected if tar readers interpret them differently or if they are dangerous to unpack. The
//! tests build the archives from headers and raw bytes, and check the exact problems that validation reports.

mod duplicates;
mod end_marker;
mod entry_types;
mod extension_headers;
mod gzip;
mod headers;
mod names;
mod pax_records;
