//! The operator's command-line tool for managing the orgs, API keys and packs of a deployed stack.
//!
//! Results go to standard output and messages to standard error, so that a secret can be piped: `admin key create acme
//! --template full_access | pbcopy`. Each change is written in one transaction with its audit entry, and then logged as
//! a JSON line to standard error.

mod key;
mod operator;
mod org;
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
    identity::Org,
    records::OrgSlug,
    telemetry,
};
use strum::VariantArray;

use self::{key::KeyCommand, org::OrgCommand, pack::PackCommand};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Manage the orgs of a stack, their API keys and their packs, in the table named by TABLE_NAME.
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
    /// Inspect, rebuild, quarantine, restore, delete and pin packs.
    #[command(subcommand)]
    Pack(PackCommand),
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
        Command::Org(command) => org::run(&table, command, &actor(&sdk).await?).await,
        Command::Key(command) => key::run(&table, command, &actor(&sdk).await?).await,
        Command::Pack(command) => pack::run(&sdk, &table, command, &actor(&sdk).await?).await,
    }
}

/// Returns the id of the operator's AWS access key. The id is not secret, and CloudTrail shows whose key it is.
async fn actor(sdk: &SdkConfig) -> Result<String> {
    let provider = sdk.credentials_provider().ok_or("no AWS credentials found")?;
    Ok(provider.provide_credentials().await?.access_key_id().to_owned())
}

async fn find(table: &Table, slug: &OrgSlug) -> Result<Org> {
    table.org_by_slug(slug).await?.ok_or_else(|| format!("the org {slug} does not exist").into())
}
