//! The table's verbs, over the real SDK, on an embedded DynamoDB of each test's own.

mod corrupt;
mod create;
mod fault;
mod list;
mod orgs;
mod replace;
mod requeue;
mod states;
mod support;
