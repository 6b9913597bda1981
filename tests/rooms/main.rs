//! The rooms of the house above the gate, each through its own door.

mod backends;
mod config;
mod edge;
mod pipeline;
mod support;
mod table;
mod trace;
