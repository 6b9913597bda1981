use std::{num::ParseIntError, str::FromStr};

use clap::Subcommand;
use pack_upload::{
    aws::Table,
    identity::{Billing, Org, OrgLimit, OrgLimits, Posture},
    records::{OrgId, OrgSlug, Timestamp},
    telemetry::AUDIT,
};

use super::{Result, find, one_of};

#[derive(Debug, Subcommand)]
pub(super) enum OrgCommand {
    /// Create an org.
    Create {
        slug: OrgSlug,
        #[arg(long, default_value = "active", value_parser = one_of::<Posture>())]
        billing: Posture,
        /// When the trial ends, in RFC 3339 format.
        #[arg(long, required_if_eq("billing", "trial"))]
        trial_ends_at: Option<Timestamp>,
    },
    /// Change an org's billing posture.
    SetBilling {
        slug: OrgSlug,
        #[arg(value_parser = one_of::<Posture>())]
        posture: Posture,
        /// When the trial ends, in RFC 3339 format.
        #[arg(long, required_if_eq("posture", "trial"))]
        trial_ends_at: Option<Timestamp>,
    },
    /// Set a limit for an org, or make the configured value apply again.
    Limit {
        slug: OrgSlug,
        #[arg(value_parser = one_of::<OrgLimit>())]
        limit: OrgLimit,
        /// The limit for this org; 0 for no limit, or `default` for the configured value.
        value: LimitValue,
    },
    /// Print an org.
    Show { slug: OrgSlug },
}

/// The last argument of `org limit`. `None` stands for the configured value.
#[derive(Debug, Clone, Copy)]
pub(super) struct LimitValue(Option<u64>);

impl FromStr for LimitValue {
    type Err = ParseIntError;

    fn from_str(text: &str) -> std::result::Result<Self, ParseIntError> {
        if text == "default" { Ok(Self(None)) } else { Ok(Self(Some(text.parse()?))) }
    }
}

pub(super) async fn run(table: &Table, command: OrgCommand, actor: &str) -> Result<()> {
    let now = Timestamp::now();
    match command {
        OrgCommand::Create { slug, billing: posture, trial_ends_at } => {
            let billing = Billing::new(posture, trial_ends_at)?;
            let org = Org { id: OrgId::generate(), slug, billing, limits: OrgLimits::default() };
            if !table.create_org(&org, actor, now).await? {
                return Err(format!("the org {} already exists", org.slug).into());
            }
            audit("org.create", &org, actor, now);
            print(&org);
        }
        OrgCommand::SetBilling { slug, posture, trial_ends_at } => {
            let billing = Billing::new(posture, trial_ends_at)?;
            let org = Org { billing, ..find(table, &slug).await? };
            if !table.set_billing(&org, actor, now).await? {
                return Err(format!("the org {slug} does not exist").into());
            }
            audit("org.set_billing", &org, actor, now);
            print(&org);
        }
        OrgCommand::Limit { slug, limit, value: LimitValue(value) } => {
            let org = find(table, &slug).await?;
            if !table.set_limit(&org, limit, value, actor, now).await? {
                return Err(format!("the org {slug} does not exist").into());
            }
            tracing::info!(
                target: AUDIT,
                event_type = "org.limit",
                actor,
                org_id = %org.id,
                at = %now,
                %slug,
                %limit,
                value,
                "done"
            );
            print(&find(table, &slug).await?);
        }
        OrgCommand::Show { slug } => print(&find(table, &slug).await?),
    }
    Ok(())
}

fn audit(event_type: &'static str, org: &Org, actor: &str, at: Timestamp) {
    let (org_id, slug, billing) = (org.id, &org.slug, Posture::from(org.billing));
    tracing::info!(target: AUDIT, event_type, actor, %org_id, %at, %slug, %billing, "done");
}

fn print(org: &Org) {
    let posture = Posture::from(org.billing);
    let trial = match org.billing {
        Billing::Trial { ends_at } => format!(" until {ends_at}"),
        Billing::Active | Billing::PastDue | Billing::Decommissioning => String::new(),
    };
    println!("{}  {}  {posture}{trial}", org.id, org.slug);
    for (limit, value) in org.limits.iter() {
        println!("{limit}  {value}");
    }
}
