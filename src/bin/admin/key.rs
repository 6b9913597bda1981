use clap::Subcommand;
use pack_upload::{
    aws::Table,
    identity::{ApiKey, KeySecret, KeyTemplate, Org},
    records::{OrgSlug, Timestamp},
    telemetry::AUDIT,
};

use super::{Result, find, one_of};

/// The minimum number of hash digits that `key revoke` accepts. `key list` prints this many.
const MIN_HASH_DIGITS: usize = 12;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Create an API key and print its secret, which cannot be shown again.
    Create {
        slug: OrgSlug,
        /// The key's permissions.
        #[arg(long, value_parser = one_of::<KeyTemplate>())]
        template: KeyTemplate,
    },
    /// Print an org's API keys: hash, template, creation time, revocation time.
    List { slug: OrgSlug },
    /// Revoke an API key.
    Revoke {
        slug: OrgSlug,
        /// The hash of the key's secret, or at least its first 12 digits.
        hash: String,
    },
}

pub(super) async fn run(table: &Table, command: KeyCommand, actor: &str) -> Result<()> {
    match command {
        KeyCommand::Create { slug, template } => {
            let org = find(table, &slug).await?;
            let mut random = [0; 32];
            getrandom::fill(&mut random)?;
            let secret = KeySecret::new(org.id, random);
            let key = ApiKey { hash: secret.hash(), template, created_at: Timestamp::now(), revoked_at: None };
            if !table.create_api_key(org.id, &key, actor).await? {
                return Err(format!("{slug} already has a key with this hash").into());
            }
            audit("key.create", &org, &key, actor);
            eprintln!("created the {template} key {} of {slug}; its secret cannot be shown again:", key.hash.short());
            println!("{}", secret.reveal());
        }
        KeyCommand::List { slug } => {
            for key in table.api_keys(find(table, &slug).await?.id).await? {
                let revoked_at = key.revoked_at.map_or("-".to_owned(), |revoked_at| revoked_at.to_string());
                println!("{}  {:14}  {}  {revoked_at}", key.hash.short(), key.template.to_string(), key.created_at);
            }
        }
        KeyCommand::Revoke { slug, hash } => {
            let org = find(table, &slug).await?;
            let keys = table.api_keys(org.id).await?;
            let mut matches = keys.iter().filter(|key| key.hash.to_string().starts_with(&hash));
            let (Some(key), None) = (matches.next().filter(|_| hash.len() >= MIN_HASH_DIGITS), matches.next()) else {
                return Err(format!(
                    "the hash does not identify one key of {slug}; \
                     give at least 12 digits as printed by `key list {slug}`"
                )
                .into());
            };
            if table.revoke_api_key(org.id, key, Timestamp::now(), actor).await? {
                audit("key.revoke", &org, key, actor);
                eprintln!("revoked {}", key.hash.short());
            } else {
                eprintln!("{} was already revoked", key.hash.short());
            }
        }
    }
    Ok(())
}

fn audit(event_type: &'static str, org: &Org, key: &ApiKey, actor: &str) {
    let (org_id, at, key, template) = (org.id, Timestamp::now(), key.hash.short(), key.template);
    tracing::info!(target: AUDIT, event_type, actor, %org_id, %at, key, %template, "done");
}
