//! The reads and writes of [`Table`](pack_upload::aws::Table) on an embedded DynamoDB, including concurrent writes,
//! transaction conflicts and lost responses, and the sweeps of requeue.
//!
//! To add a case, start a [`Database`](support::Database), build records with [`record`](support::record), and call the
//! table.

mod corrupt;
mod create;
mod faults;
mod list;
mod orgs;
mod replace;
mod requeue;
mod states;
mod support;
