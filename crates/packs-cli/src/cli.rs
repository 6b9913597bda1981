use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pack_format::{PackName, Version, Visibility};

use crate::{pack_id::PackId, target::Target};

const EXAMPLES: &str = "\
Examples:
  packs init incident-response        Create a minimal pack
  packs check incident-response       List all problems, with their locations and fixes
  packs check --fix incident-response Apply the suggested fixes
  packs push incident-response        Upload a pack, and wait until its image is built
  packs list --name incident-response List the versions of a pack

Environment:
  EVERSHELL_API_KEY        an API key, for the commands that use the service
  EVERSHELL_SLUG           the slug of the org, for the service at https://<slug>.evershell.ai
  PACKS_REGISTRY_PASSWORD  the password for `packs verify --username`
  PACKS_URL                the address of another service

Exit status:
  0    success
  1    the pack has problems, or the image has no valid attestation
  2    wrong usage, or any other failure
  130  interrupted with Ctrl-C";

/// Check, archive and upload content packs.
#[derive(Debug, Parser)]
#[command(name = "packs", version, after_help = EXAMPLES, max_term_width = 120)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Validate a pack offline, with the same code and messages as the service.
    Check(Check),
    /// Print the digests and the size that the service will return for a pack.
    Digest(Digest),
    /// Write a reproducible archive of a pack's directory.
    ///
    /// The archive omits top-level entries whose names start with a dot, and everything that the directory's
    /// `.packignore` lists, in the syntax of `.gitignore`. The command fails without writing an archive if any other
    /// entry cannot be read, is neither a file nor a directory, or is a symbolic link and `--follow-links` is not set.
    /// All commands that read a pack's directory read it this way.
    Archive(Archive),
    /// Validate a pack and upload it.
    ///
    /// A request is retried if the connection is lost, or if the service is busy or temporarily fails. The command
    /// prints the pack's id after the service has accepted the pack, and then waits up to ten minutes for the image.
    Push(Push),
    /// Print a pack's record.
    Show(Show),
    /// List packs, newest first.
    List(List),
    /// Delete a pack and its image.
    Delete {
        /// The pack's id.
        id: PackId,
    },
    /// Change who may see a pack.
    Visibility(SetVisibility),
    /// Verify what an image was built from.
    ///
    /// Reads the signed statements about the image: from the service if given a pack's id, or from the registry if
    /// given an image reference. At least one statement must have a valid signature and be about this image. If one
    /// does, each invalid statement causes only a warning. Prints what the valid statements say, such as the org, the
    /// name and the version of the pack, and the digests of its archive and its layer. Check the org and the name
    /// yourself: the service signs the images of all orgs.
    Verify(Verify),
    /// Show the capabilities that a version gains and loses, and the files that differ.
    ///
    /// The service does not list the files of a record, so a record is compared by its capabilities and its layer
    /// digest.
    Diff(Diff),
    /// Create a directory with a minimal pack.
    Init {
        /// The name of the pack and of the directory.
        name: PackName,
    },
    /// Print the JSON Schema of `pack.yaml`, for editors.
    Schema,
    /// Print a shell completion script for commands and options.
    Completions { shell: clap_complete::Shell },
    /// Write the manual pages for all commands to a directory.
    Man { directory: PathBuf },
}

/// The pack that a command reads.
#[derive(Debug, Args)]
pub struct Pack {
    /// The pack's directory or its archive (`.tar.gz`).
    #[arg(default_value = ".", value_name = "DIR|ARCHIVE")]
    pub path: PathBuf,
    #[command(flatten)]
    pub reading: Reading,
}

/// How to read a directory. Top-level entries whose names start with a dot, and entries that `.packignore` lists (in
/// the syntax of `.gitignore`), are omitted.
#[derive(Debug, Clone, Copy, Args)]
pub struct Reading {
    /// Follow symbolic links instead of rejecting them.
    #[arg(long)]
    pub follow_links: bool,
    /// List the files and directories that are omitted from the archive.
    #[arg(long, short)]
    pub verbose: bool,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub pack: Pack,
    /// The visibility that the pack will have. A community pack must not contain secrets.
    #[arg(long, default_value_t, value_name = "org|community")]
    pub visibility: Visibility,
    /// How to print the problems.
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Apply the suggested fixes to the files in the directory.
    #[arg(long)]
    pub fix: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum ReportFormat {
    /// Text that shows the lines with problems.
    #[default]
    Human,
    /// One JSON object.
    Json,
    /// GitHub Actions annotations.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

#[derive(Debug, Args)]
pub struct Digest {
    #[command(flatten)]
    pub pack: Pack,
    /// Write the image's layer, an uncompressed tar, to a file.
    #[arg(long, value_name = "FILE")]
    pub layer: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Archive {
    /// The pack's directory.
    #[arg(default_value = ".", value_name = "DIR")]
    pub directory: PathBuf,
    /// The archive to write. An existing file is replaced, but only by a complete archive.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct Push {
    #[command(flatten)]
    pub pack: Pack,
    /// Who may see the pack: only the org, or all orgs.
    #[arg(long, default_value_t, value_name = "org|community")]
    pub visibility: Visibility,
    /// Run every upload check without storing anything.
    #[arg(long)]
    pub dry_run: bool,
    /// Wait until the image is built (the default).
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Exit as soon as the service has accepted the pack.
    #[arg(long, overrides_with = "wait")]
    pub no_wait: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Show {
    /// The pack's id.
    pub id: PackId,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct List {
    /// Only packs with this name.
    #[arg(long)]
    pub name: Option<PackName>,
    /// Only packs with this version; requires `--name`.
    #[arg(long, requires = "name")]
    pub version: Option<Version>,
    /// Only packs with this visibility.
    #[arg(long, value_name = "org|community")]
    pub visibility: Option<Visibility>,
    /// Only the org's own packs (`true`), or only those of other orgs (`false`).
    #[arg(long, value_name = "true|false")]
    pub owned: Option<bool>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct SetVisibility {
    /// The pack's id.
    pub id: PackId,
    /// Who may see the pack: only the org, or all orgs.
    #[arg(value_name = "org|community")]
    pub visibility: Visibility,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The pack's id, or an image reference with a registry and a tag or a digest.
    ///
    /// A registry is read over HTTPS, or over HTTP if it is on a loopback address. Registries that require tokens are
    /// not supported.
    #[arg(value_name = "ID|REF")]
    pub target: Target,
    /// A PEM file with a public key to trust. May be repeated.
    ///
    /// Without this option, the keys that the service lists are trusted, and so is the host that returns them.
    #[arg(long = "key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
    /// The user name for the registry. The password is read from `PACKS_REGISTRY_PASSWORD`.
    ///
    /// Without this option, the registry is read anonymously. For ECR, the name is `AWS`, and `aws ecr
    /// get-login-password` prints the password.
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// How to print the statements.
    #[arg(long, value_enum, default_value_t)]
    pub format: VerifyFormat,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum VerifyFormat {
    /// Each field on a line of its own.
    #[default]
    Human,
    /// One JSON object.
    Json,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The directory, archive or id of the earlier version.
    #[arg(value_name = "DIR|ARCHIVE|ID")]
    pub old: String,
    /// The directory, archive or id of the later version.
    #[arg(value_name = "DIR|ARCHIVE|ID")]
    pub new: String,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Output {
    /// How to print records.
    #[arg(long = "format", value_enum, default_value_t)]
    pub format: RecordFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum RecordFormat {
    /// Text: one line for each record. `packs show` prints each field on a line of its own instead.
    #[default]
    Line,
    /// The records as the service returns them.
    Json,
}
