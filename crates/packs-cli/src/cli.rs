use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pack_format::Visibility;

const EXAMPLES: &str = "\
Examples:
  packs check incident-response       List every problem, with its place and a fix
  packs check --fix incident-response Apply the fixes that a program can apply

Exit status:
  0  success
  1  the pack has problems
  2  wrong usage, or any other failure";

/// Checks, archives and uploads content packs.
#[derive(Debug, Parser)]
#[command(name = "packs", version, after_help = EXAMPLES, max_term_width = 120)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Validates a pack offline, with the same code and messages as the service.
    Check(Check),
    /// Prints the digests and the size that the service will return for a pack.
    Digest(Digest),
    /// Writes a reproducible archive of a pack's directory.
    Archive(Archive),
    /// Prints a script that completes commands and options in a shell.
    Completions { shell: clap_complete::Shell },
    /// Writes the manual pages of all commands to a directory.
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

/// How a directory is read. Entries at its top whose names start with a dot, and entries that its `.packignore` names
/// (in the syntax of `.gitignore`), are left out.
#[derive(Debug, Clone, Copy, Args)]
pub struct Reading {
    /// Archive what symbolic links point to. Otherwise, a link is an error.
    #[arg(long)]
    pub follow_links: bool,
    /// List the files and directories that are left out of the archive.
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
    pub format: Format,
    /// Apply the suggestions that a program can apply to the files of the directory.
    #[arg(long)]
    pub fix: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// Text with the lines in question.
    #[default]
    Human,
    /// One JSON object.
    Json,
    /// Annotations of GitHub Actions.
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
