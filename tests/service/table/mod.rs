//! The table's verbs, over the real SDK, on an embedded DynamoDB of each test's own.

mod create;
mod faults;
mod list;
mod orgs;
mod replace;
mod requeue;
mod states;
mod support;
