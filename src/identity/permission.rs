use serde_with::{DeserializeFromStr, SerializeDisplay};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, SerializeDisplay, DeserializeFromStr)]
#[strum(parse_err_ty = UnknownPermission, parse_err_fn = unknown_permission)]
pub enum Permission {
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

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a permission; use caps:write, workspace:read, workspace:write, tasks:write or audit:read")]
pub struct UnknownPermission;

fn unknown_permission(_: &str) -> UnknownPermission {
    UnknownPermission
}

/// A named set of permissions. Every API key has one.
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
    /// All permissions.
    FullAccess,
    /// All permissions except `caps:write`, which permits uploading and changing packs.
    SubmitObserve,
    /// All read permissions.
    ReadOnly,
}

impl KeyTemplate {
    pub fn permissions(self) -> &'static [Permission] {
        use Permission::{AuditRead, CapsWrite, TasksWrite, WorkspaceRead, WorkspaceWrite};
        match self {
            Self::FullAccess => &[CapsWrite, WorkspaceRead, WorkspaceWrite, TasksWrite, AuditRead],
            Self::SubmitObserve => &[WorkspaceRead, WorkspaceWrite, TasksWrite, AuditRead],
            Self::ReadOnly => &[WorkspaceRead, AuditRead],
        }
    }
}
