use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Serialize,
    de::{
        IntoDeserializer as _,
        value::{self, StrDeserializer},
    },
};

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

/// The text names no permission that is known here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a scope")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let name: StrDeserializer<'_, value::Error> = text.into_deserializer();
        Self::deserialize(name).map_err(|_| UnknownScope)
    }
}
