use aws_config::SdkConfig;
use clap::Subcommand;
use pack_upload::{
    aws::Table,
    records::{BuildState, BuildStatus, PackId, QuarantineReason, Record, Reference, Release, Timestamp},
    telemetry::AUDIT,
};

use super::{
    Result,
    operator::{self, operator},
};

#[derive(Debug, Subcommand)]
pub(super) enum PackCommand {
    /// Print a pack's record, including the attributes that clients cannot see.
    Show { id: PackId },
    /// Rebuild a ready pack whose image was lost.
    ///
    /// If the staged archive has expired, the build fails. In that case, upload the same files again to build the
    /// image.
    Rebuild { id: PackId },
    /// Quarantine a ready pack: hide it from other orgs, save its image, and delete the image from the registry.
    ///
    /// The owner sees the reason, and cannot upload, change or delete the version. If the command fails, repeat it.
    Quarantine {
        id: PackId,
        /// The reason that the owner sees, in one line.
        #[arg(long)]
        reason: QuarantineReason,
    },
    /// Restore a quarantined pack. Its image has the same digest as before. If the command fails, repeat it.
    Restore { id: PackId },
    /// Delete a pack and its image. The version of a quarantined pack stays quarantined. If the command fails, repeat
    /// it.
    Delete { id: PackId },
    /// Add a reference, such as the id of a role, to a ready pack. A pack with references cannot be deleted.
    Pin { id: PackId, reference: Reference },
    /// Remove a reference to a pack.
    Unpin { id: PackId, reference: Reference },
}

pub(super) async fn run(sdk: &SdkConfig, table: &Table, command: PackCommand, actor: &str) -> Result<()> {
    match command {
        PackCommand::Show { id } => {
            let record = find(table, id).await?;
            print(&record, table.is_published(&record).await?);
        }
        PackCommand::Rebuild { id } => operator::rebuild(&operator(sdk, actor)?, id).await?,
        PackCommand::Quarantine { id, reason } => operator::quarantine(&operator(sdk, actor)?, id, &reason).await?,
        PackCommand::Restore { id } => operator::restore(&operator(sdk, actor)?, id).await?,
        PackCommand::Delete { id } => operator::delete(&operator(sdk, actor)?, id).await?,
        PackCommand::Pin { id, reference } => pin(table, &find(table, id).await?, &reference, actor).await?,
        PackCommand::Unpin { id, reference } => unpin(table, &find(table, id).await?, &reference, actor).await?,
    }
    Ok(())
}

async fn pin(table: &Table, record: &Record, reference: &Reference, actor: &str) -> Result<()> {
    let (id, now) = (record.id, Timestamp::now());
    if table.add_reference(record, reference, now, actor).await? {
        let org_id = record.release.org_id;
        tracing::info!(target: AUDIT, event_type = "pack.pin", actor, %org_id, at = %now, pack_id = %id, %reference, "done");
        eprintln!("pinned {id} for {reference}");
    } else if table.has_reference(id, reference).await? {
        eprintln!("{id} is already pinned for {reference}");
    } else {
        return Err(format!("{id} is not ready; only a ready pack can be pinned").into());
    }
    Ok(())
}

async fn unpin(table: &Table, record: &Record, reference: &Reference, actor: &str) -> Result<()> {
    let (id, now) = (record.id, Timestamp::now());
    if table.remove_reference(record, reference, now, actor).await? {
        let org_id = record.release.org_id;
        tracing::info!(target: AUDIT, event_type = "pack.unpin", actor, %org_id, at = %now, pack_id = %id, %reference, "done");
        eprintln!("unpinned {id} for {reference}");
    } else {
        eprintln!("{id} is not pinned for {reference}");
    }
    Ok(())
}

async fn find(table: &Table, id: PackId) -> Result<Record> {
    table.record(id).await?.ok_or_else(|| format!("the pack {id} does not exist").into())
}

fn print(record: &Record, is_published: bool) {
    let Record { id, release, created_at, updated_at, build, .. } = record;
    let Release { manifest, .. } = release;
    let mut lines = vec![
        ("id", id.to_string()),
        ("org_id", release.org_id.to_string()),
        ("name", manifest.name.to_string()),
        ("version", manifest.version.to_string()),
        ("visibility", release.visibility.to_string()),
        ("image_ref", release.image_ref.clone()),
        ("image_digest", release.image_digest.to_string()),
        ("layer_digest", release.layer_digest.to_string()),
        ("archive_sha256", release.archive_sha256.to_string()),
        ("uploaded_by", release.uploaded_by.clone()),
        ("created_at", created_at.to_string()),
        ("updated_at", updated_at.to_string()),
        ("build_status", BuildState::from(&build.status).to_string()),
        ("published", is_published.to_string()),
        ("staging_key", build.staging_key.clone()),
        ("attempt", build.attempt.to_string()),
        ("sends", build.sends.to_string()),
        ("enqueued_at", build.enqueued_at.to_string()),
        ("tries", build.tries.to_string()),
        ("reference_count", record.reference_count.to_string()),
    ];
    if let Some(tried_at) = build.tried_at {
        lines.push(("tried_at", tried_at.to_string()));
    }
    match &build.status {
        BuildStatus::Failed { error } => lines.push(("build_error", error.clone())),
        BuildStatus::Quarantined { reason } => lines.push(("quarantine_reason", reason.to_string())),
        BuildStatus::Queued | BuildStatus::Ready | BuildStatus::Deleting => {}
    }
    if let Some(error) = &build.last_error {
        lines.push(("last_error", error.clone()));
    }
    for (name, value) in lines {
        println!("{name:17}  {value}");
    }
}
