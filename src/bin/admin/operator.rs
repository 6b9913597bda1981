use std::{env, time::Duration};

use aws_config::SdkConfig;
use pack_upload::{
    aws::{self, Queue, SavedImages, Table},
    config,
    lifecycle::{Operator, Purger},
    records::{PackId, QuarantineReason, Record, Timestamp},
    registry::Registry,
    telemetry::AUDIT,
};
use tracing::field::display;

use super::Result;

/// How long `pack delete` waits for the purge.
const PURGE_WAIT: Duration = Duration::from_secs(60);

/// Returns the operator use cases, configured from environment variables.
pub(super) fn operator(sdk: &SdkConfig, actor: &str) -> Result<Operator> {
    let config = config::Operator::read(|variable| env::var(variable).ok())?;
    let sqs = aws::sqs(sdk, &config.timeouts);
    let s3 = aws::s3(sdk, &config.timeouts, config.s3_path_style);
    Ok(Operator {
        actor: actor.to_owned(),
        table: Table::new(aws::dynamodb(sdk, &config.timeouts), config.table_name)
            .with_resend_after(config.resend_after),
        builds: Queue::new(sqs.clone(), config.build_queue_url),
        purges: Queue::new(sqs, config.purge_queue_url),
        registry: Registry::new(config.registry, sdk, &config.timeouts),
        saved_images: SavedImages::new(s3, config.staging_bucket),
        lease: config.lease,
        lease_wait: Purger::LEASE_WAIT,
        purge_wait: PURGE_WAIT,
    })
}

pub(super) async fn rebuild(operator: &Operator, id: PackId) -> Result<()> {
    let record = operator.rebuild(id).await?;
    audit("pack.rebuild", &record, &operator.actor, None);
    eprintln!("queued {id}");
    Ok(())
}

pub(super) async fn quarantine(operator: &Operator, id: PackId, reason: &QuarantineReason) -> Result<()> {
    let record = operator.quarantine(id, reason).await?;
    audit("pack.quarantine", &record, &operator.actor, Some(reason));
    eprintln!("quarantined {id}; its image is saved and no longer in the registry");
    Ok(())
}

pub(super) async fn restore(operator: &Operator, id: PackId) -> Result<()> {
    let record = operator.restore(id).await?;
    audit("pack.restore", &record, &operator.actor, None);
    eprintln!("restored the image of {id}, and queued a build that tags it");
    Ok(())
}

pub(super) async fn delete(operator: &Operator, id: PackId) -> Result<()> {
    let deletion = operator.delete(id).await?;
    audit("pack.delete", &deletion.record, &operator.actor, None);
    if deletion.is_complete {
        eprintln!("deleted {id}");
    } else {
        eprintln!("{id} is being deleted; repeat the command to check whether it is gone");
    }
    Ok(())
}

fn audit(event_type: &'static str, record: &Record, actor: &str, reason: Option<&QuarantineReason>) {
    let (pack_id, org_id, at) = (record.id, record.release.org_id, Timestamp::now());
    let quarantine_reason = reason.map(display);
    tracing::info!(target: AUDIT, event_type, actor, %org_id, %at, %pack_id, quarantine_reason, "done");
}
