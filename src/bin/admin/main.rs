//! The operator's tool: manages orgs, API keys and packs in the table of a deployed stack.
//!
//! Results go to standard output and messages to standard error, so that a secret can be piped:
//! `admin key create acme --template full_access | pbcopy`. Each change of a key or of a pack writes an audit entry in
//! the same transaction, and a JSON line to standard error.

mod pack;

use std::{env, error::Error, process::ExitCode, str::FromStr};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::ProvideCredentials;
use clap::{
    Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use pack_upload::{
    aws::{self, Table},
    config,
    error_chain::ErrorChain,
    identity::{ApiKey, Billing, KeySecret, KeyTemplate, Org, Posture},
    records::{OrgId, OrgSlug, Timestamp},
    telemetry::{self, AUDIT},
};
use strum::VariantArray;

use self::pack::PackCommand;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The shortest accepted prefix of a key's hash: as many digits as `key list` prints.
const MIN_HASH_DIGITS: usize = 12;

/// Manages the orgs of a stack, their API keys and their packs, in the table named by TABLE_NAME.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Manage orgs.
    #[command(subcommand)]
    Org(OrgCommand),
    /// Manage API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Manage packs.
    #[command(subcommand)]
    Pack(PackCommand),
}

#[derive(Debug, Subcommand)]
enum OrgCommand {
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

#[derive(Debug, Subcommand)]
enum KeyCommand {
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

/// Returns a parser that accepts the names of an enum's variants.
fn one_of<T>() -> impl TypedValueParser<Value = T>
where
    T: VariantArray + Copy + Into<&'static str> + FromStr<Err: Error + Send + Sync> + Send + Sync,
{
    PossibleValuesParser::new(T::VARIANTS.iter().map(|&value| value.into())).try_map(|name| name.parse())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::init_audit();
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", ErrorChain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<()> {
    let config = config::Admin::read(|variable| env::var(variable).ok())?;
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let table = Table::new(aws::dynamodb(&sdk, &config.timeouts), config.table_name);
    match cli.command {
        Command::Org(command) => org(&table, command).await,
        Command::Key(command) => key(&table, command, &actor(&sdk).await?).await,
        Command::Pack(command) => pack::run(&table, command, &actor(&sdk).await?).await,
    }
}

async fn org(table: &Table, command: OrgCommand) -> Result<()> {
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

/// Returns the id of the operator's AWS access key. It is not secret. CloudTrail shows which principal it belongs to.
async fn actor(sdk: &SdkConfig) -> Result<String> {
    let provider = sdk.credentials_provider().ok_or("no AWS credentials found")?;
    Ok(provider.provide_credentials().await?.access_key_id().to_owned())
}

async fn key(table: &Table, command: KeyCommand, actor: &str) -> Result<()> {
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

async fn find(table: &Table, slug: &OrgSlug) -> Result<Org> {
    table.org_by_slug(slug).await?.ok_or_else(|| format!("the org {slug} does not exist").into())
}

fn print(org: &Org) {
    let posture = Posture::from(org.billing);
    let trial = match org.billing {
        Billing::Trial { ends_at } => format!(" until {ends_at}"),
        Billing::Active | Billing::PastDue | Billing::Decommissioning => String::new(),
    };
    println!("{}  {}  {posture}{trial}", org.id, org.slug);
}
