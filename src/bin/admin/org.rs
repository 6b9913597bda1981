use clap::Subcommand;
use pack_upload::{
    aws::Table,
    identity::{Billing, Org, Posture},
    records::{OrgId, OrgSlug, Timestamp},
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
    /// Print an org.
    Show { slug: OrgSlug },
}

pub(super) async fn run(table: &Table, command: OrgCommand) -> Result<()> {
    match command {
        OrgCommand::Create { slug, billing: posture, trial_ends_at } => {
            let org = Org { id: OrgId::generate(), slug, billing: Billing::new(posture, trial_ends_at)? };
            if !table.create_org(&org).await? {
                return Err(format!("the org {} already exists", org.slug).into());
            }
            print(&org);
        }
        OrgCommand::SetBilling { slug, posture, trial_ends_at } => {
            let billing = Billing::new(posture, trial_ends_at)?;
            let org = find(table, &slug).await?;
            table.set_billing(org.id, billing).await?;
            print(&Org { billing, ..org });
        }
        OrgCommand::Show { slug } => print(&find(table, &slug).await?),
    }
    Ok(())
}

fn print(org: &Org) {
    let posture = Posture::from(org.billing);
    let trial = match org.billing {
        Billing::Trial { ends_at } => format!(" until {ends_at}"),
        Billing::Active | Billing::PastDue | Billing::Decommissioning => String::new(),
    };
    println!("{}  {}  {posture}{trial}", org.id, org.slug);
}
