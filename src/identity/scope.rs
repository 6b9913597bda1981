use std::fmt;

use serde::{Deserialize, Serialize};

/// A permission that a credential carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Upload packs.
    #[serde(rename = "caps:write")]
    CapsWrite,
    /// See the workspace.
    #[serde(rename = "workspace:read")]
    WorkspaceRead,
    /// Change the workspace.
    #[serde(rename = "workspace:write")]
    WorkspaceWrite,
    /// Submit tasks.
    #[serde(rename = "tasks:write")]
    TasksWrite,
    /// See the audit trail.
    #[serde(rename = "audit:read")]
    AuditRead,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
