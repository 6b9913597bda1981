use serde_with::{DeserializeFromStr, SerializeDisplay};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A permission that a credential may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, SerializeDisplay, DeserializeFromStr)]
#[strum(parse_err_ty = UnknownScope, parse_err_fn = unknown_scope)]
pub enum Scope {
    #[strum(serialize = "caps:write")]
    CapsWrite,
    #[strum(serialize = "workspace:read")]
    WorkspaceRead,
    #[strum(serialize = "workspace:write")]
    WorkspaceWrite,
    #[strum(serialize = "tasks:write")]
    TasksWrite,
    #[strum(serialize = "audit:read")]
    AuditRead,
}

/// The error for text that is not a known scope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a scope")]
pub struct UnknownScope;

fn unknown_scope(_: &str) -> UnknownScope {
    UnknownScope
}

/// A named set of scopes. Every API key has one.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    SerializeDisplay,
    DeserializeFromStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum KeyTemplate {
    /// All scopes.
    FullAccess,
    /// All scopes except `caps:write`, which permits uploading and changing packs.
    SubmitObserve,
    /// All scopes that permit only reading.
    ReadOnly,
}

impl KeyTemplate {
    pub fn scopes(self) -> &'static [Scope] {
        use Scope::{AuditRead, CapsWrite, TasksWrite, WorkspaceRead, WorkspaceWrite};
        match self {
            Self::FullAccess => &[CapsWrite, WorkspaceRead, WorkspaceWrite, TasksWrite, AuditRead],
            Self::SubmitObserve => &[WorkspaceRead, WorkspaceWrite, TasksWrite, AuditRead],
            Self::ReadOnly => &[WorkspaceRead, AuditRead],
        }
    }
}
