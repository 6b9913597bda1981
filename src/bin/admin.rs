//! The operator's tool: orgs and their API keys, in the table of a deployed stack.
//!
//! What was asked for goes to standard output, and words for people to standard error, so that a secret can be piped
//! to where it is kept: `admin key create acme --template full_access | pbcopy`. What is done to a key is told in the
//! audit trail too: an item in the table, written together with the key, and a JSON line on standard error.

use std::{env, error::Error, process::ExitCode};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::ProvideCredentials;
use clap::{
    Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use pack_upload::{
    aws::{self, Table},
    config,
    error_chain::ErrorChain,
    identity::{ApiKey, Billing, KeySecret, KeyTemplate, Org},
    records::{OrgId, OrgSlug, Timestamp},
    telemetry::{self, AUDIT},
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The fewest digits of a key's hash that name it: as many as `key list` shows.
const MIN_HASH_DIGITS: usize = 12;

/// Looks after the orgs of a stack and their API keys, in the table that TABLE_NAME names.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Orgs.
    #[command(subcommand)]
    Org(OrgCommand),
    /// API keys.
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
enum OrgCommand {
    /// Make an org.
    Create {
        slug: OrgSlug,
        #[arg(long, default_value = "active")]
        billing: Posture,
        /// When the trial expires, by RFC 3339.
        #[arg(long, required_if_eq("billing", "trial"))]
        trial_ends_at: Option<Timestamp>,
    },
    /// Change an org's billing posture.
    SetBilling {
        slug: OrgSlug,
        posture: Posture,
        /// When the trial expires, by RFC 3339.
        #[arg(long, required_if_eq("posture", "trial"))]
        trial_ends_at: Option<Timestamp>,
    },
    /// Print an org.
    Show { slug: OrgSlug },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make an API key and print its secret, which nobody can see again.
    Create {
        slug: OrgSlug,
        /// What the key permits.
        #[arg(long, value_parser = template())]
        template: KeyTemplate,
    },
    /// Print an org's API keys: hash, template, when made, when revoked.
    List { slug: OrgSlug },
    /// Revoke an API key.
    Revoke {
        slug: OrgSlug,
        /// The hash of the key's secret, or at least its first 12 digits.
        hash: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Posture {
    Active,
    Trial,
    PastDue,
    Decommissioning,
}

fn template() -> impl TypedValueParser<Value = KeyTemplate> {
    PossibleValuesParser::new(KeyTemplate::ALL.map(KeyTemplate::as_str)).map(|name| {
        let mut templates = KeyTemplate::ALL.into_iter();
        templates.find(|template| template.as_str() == name).expect("the parser lets only templates' names through")
    })
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
    }
}

async fn org(table: &Table, command: OrgCommand) -> Result<()> {
    match command {
        OrgCommand::Create { slug, billing: posture, trial_ends_at } => {
            let org = Org { id: OrgId::generate(), slug, billing: billing(posture, trial_ends_at)? };
            if !table.create_org(&org).await? {
                return Err(format!("there is an org {} already", org.slug).into());
            }
            print(&org);
        }
        OrgCommand::SetBilling { slug, posture, trial_ends_at } => {
            let billing = billing(posture, trial_ends_at)?;
            let org = find(table, &slug).await?;
            table.set_billing(org.id, billing).await?;
            print(&Org { billing, ..org });
        }
        OrgCommand::Show { slug } => print(&find(table, &slug).await?),
    }
    Ok(())
}

/// Who is at work: the id of the AWS access key, no secret, which CloudTrail shows beside the principal it belongs to.
async fn actor(sdk: &SdkConfig) -> Result<String> {
    let provider = sdk.credentials_provider().ok_or("there are no AWS credentials")?;
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
                return Err(format!("{slug} has a key of this hash already").into());
            }
            audit("key.create", &org, &key, actor);
            eprintln!("{} key {} of {slug}; its secret is shown this once:", template.as_str(), key.hash.short());
            println!("{}", secret.reveal());
        }
        KeyCommand::List { slug } => {
            for key in table.api_keys(find(table, &slug).await?.id).await? {
                let revoked_at = key.revoked_at.map_or("-".to_owned(), |revoked_at| revoked_at.to_string());
                println!("{}  {:14}  {}  {revoked_at}", key.hash.short(), key.template.as_str(), key.created_at);
            }
        }
        KeyCommand::Revoke { slug, hash } => {
            let org = find(table, &slug).await?;
            let keys = table.api_keys(org.id).await?;
            let mut named = keys.iter().filter(|key| key.hash.to_string().starts_with(&hash));
            let (Some(key), None) = (named.next().filter(|_| hash.len() >= MIN_HASH_DIGITS), named.next()) else {
                return Err(format!("no single key of {slug} has this hash; `key list {slug}` shows them").into());
            };
            if table.revoke_api_key(org.id, key, Timestamp::now(), actor).await? {
                audit("key.revoke", &org, key, actor);
                eprintln!("revoked {}", key.hash.short());
            } else {
                eprintln!("{} was revoked before", key.hash.short());
            }
        }
    }
    Ok(())
}

fn audit(action: &'static str, org: &Org, key: &ApiKey, actor: &str) {
    let (org_id, key, template) = (org.id, key.hash.short(), key.template.as_str());
    tracing::info!(target: AUDIT, action, actor, %org_id, key, template, "done");
}

async fn find(table: &Table, slug: &OrgSlug) -> Result<Org> {
    table.org_by_slug(slug).await?.ok_or_else(|| format!("there is no org {slug}").into())
}

fn billing(posture: Posture, trial_ends_at: Option<Timestamp>) -> Result<Billing> {
    match (posture, trial_ends_at) {
        (Posture::Active, None) => Ok(Billing::Active),
        (Posture::Trial, Some(ends_at)) => Ok(Billing::Trial { ends_at }),
        (Posture::PastDue, None) => Ok(Billing::PastDue),
        (Posture::Decommissioning, None) => Ok(Billing::Decommissioning),
        _ => Err("a trial, and nothing else, has an end".into()),
    }
}

fn print(org: &Org) {
    let billing = match org.billing {
        Billing::Active => "active".to_owned(),
        Billing::Trial { ends_at } => format!("trial until {ends_at}"),
        Billing::PastDue => "past_due".to_owned(),
        Billing::Decommissioning => "decommissioning".to_owned(),
    };
    println!("{}  {}  {billing}", org.id, org.slug);
}
