use clap::Subcommand;
use pack_upload::{
    aws::Table,
    records::{PackId, Record, Reference, Timestamp},
    telemetry::AUDIT,
};

use super::Result;

#[derive(Debug, Subcommand)]
pub(super) enum PackCommand {
    /// Add a reference to a ready pack, such as the id of a role that uses it. A pack with references is not deleted.
    Pin { id: PackId, reference: Reference },
    /// Remove a reference to a pack.
    Unpin { id: PackId, reference: Reference },
}

pub(super) async fn run(table: &Table, command: PackCommand, actor: &str) -> Result<()> {
    let now = Timestamp::now();
    match command {
        PackCommand::Pin { id, reference } => {
            let record = find(table, id).await?;
            if table.add_reference(&record, &reference, now, actor).await? {
                audit("pack.pin", &record, &reference, now, actor);
                eprintln!("pinned {id} for {reference}");
            } else if table.has_reference(id, &reference).await? {
                eprintln!("{id} is already pinned for {reference}");
            } else {
                return Err(format!("{id} is not ready; only a ready pack can be pinned").into());
            }
        }
        PackCommand::Unpin { id, reference } => {
            let record = find(table, id).await?;
            if table.remove_reference(&record, &reference, now, actor).await? {
                audit("pack.unpin", &record, &reference, now, actor);
                eprintln!("unpinned {id} for {reference}");
            } else {
                eprintln!("{id} is not pinned for {reference}");
            }
        }
    }
    Ok(())
}

fn audit(event_type: &'static str, record: &Record, reference: &Reference, at: Timestamp, actor: &str) {
    let (pack_id, org_id) = (record.id, record.release.org_id);
    tracing::info!(target: AUDIT, event_type, actor, %org_id, %at, %pack_id, %reference, "done");
}

async fn find(table: &Table, id: PackId) -> Result<Record> {
    table.record(id).await?.ok_or_else(|| format!("the pack {id} does not exist").into())
}
