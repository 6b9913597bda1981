use crate::records::Timestamp;

/// An org's billing posture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// Paying.
    Active,
    /// On trial.
    Trial {
        /// When the trial expires.
        ends_at: Timestamp,
    },
    /// A payment is overdue.
    PastDue,
    /// Being shut down.
    Decommissioning,
}

impl Billing {
    /// Whether an org of this posture may create anything at this moment.
    pub fn may_create(self, now: Timestamp) -> bool {
        match self {
            Self::Active => true,
            Self::Trial { ends_at } => now < ends_at,
            Self::PastDue | Self::Decommissioning => false,
        }
    }
}
