//! The embedded backends of local runs.
