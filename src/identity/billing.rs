use serde::{Deserialize, Serialize};
use strum::{Display, EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};

use crate::records::Timestamp;

/// An org's billing posture, including the end of its trial. Items store it as `billing` (a [`Posture`]) and, for a
/// trial, `trial_ends_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "billing", rename_all = "snake_case")]
#[strum_discriminants(
    name(Posture),
    doc = "An org's billing posture.",
    derive(Display, EnumString, IntoStaticStr, VariantArray),
    strum(serialize_all = "snake_case")
)]
pub enum Billing {
    Active,
    Trial {
        #[serde(rename = "trial_ends_at")]
        ends_at: Timestamp,
    },
    /// A payment is overdue.
    PastDue,
    /// The org is being shut down.
    Decommissioning,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a trial needs an end date, and no other billing posture may have one")]
pub struct InvalidBilling;

impl Billing {
    pub fn new(posture: Posture, trial_ends_at: Option<Timestamp>) -> Result<Self, InvalidBilling> {
        match (posture, trial_ends_at) {
            (Posture::Active, None) => Ok(Self::Active),
            (Posture::Trial, Some(ends_at)) => Ok(Self::Trial { ends_at }),
            (Posture::PastDue, None) => Ok(Self::PastDue),
            (Posture::Decommissioning, None) => Ok(Self::Decommissioning),
            (Posture::Trial, None) | (Posture::Active | Posture::PastDue | Posture::Decommissioning, Some(_)) => {
                Err(InvalidBilling)
            }
        }
    }

    /// Returns whether the org may create anything at `now`.
    pub fn may_create(self, now: Timestamp) -> bool {
        match self {
            Self::Active => true,
            Self::Trial { ends_at } => now < ends_at,
            Self::PastDue | Self::Decommissioning => false,
        }
    }
}
