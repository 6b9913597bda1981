//! Tests for [`Table`](pack_upload::aws::Table) with an embedded DynamoDB: reads, writes, concurrent writes,
//! transaction conflicts, lost responses and requeue's sweeps.
//!
//! To add a case, start a [`Database`](support::Database), build records with [`record`](support::record), and call the
//! table's methods.

mod capacity;
mod corrupt;
mod create;
mod faults;
mod lifecycle;
mod list;
mod orgs;
mod publishing;
mod quarantine;
mod quotas;
mod references;
mod replace;
mod requeue;
mod states;
pub(crate) mod support;
