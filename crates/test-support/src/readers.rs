//! Unpacks archives with independent tar implementations: GNU tar, libarchive's bsdtar and Python's `tarfile`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::tools::{run_batch, tool};

/// A program that unpacks `.tar` and `.tar.gz` files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    GnuTar,
    Bsdtar,
    Python,
}

impl Reader {
    /// Returns the readers that are installed. Calls [`crate::report_missing`] for every other reader.
    pub fn installed() -> Vec<Self> {
        [Self::GnuTar, Self::Bsdtar, Self::Python]
            .into_iter()
            .filter(|reader| tool(reader.program()).is_some())
            .collect()
    }

    fn program(self) -> &'static str {
        match self {
            Self::GnuTar => "tar",
            Self::Bsdtar => "bsdtar",
            Self::Python => "python3",
        }
    }

    fn command(self) -> Command {
        let mut command = Command::new(self.program());
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// Unpacks each archive into the directory that is paired with it, and creates the directory if necessary. Returns
    /// one result for each archive: the reader's error message if it fails, and `Ok` otherwise, even if it prints a
    /// warning.
    pub fn unpack(self, archives: &[(PathBuf, PathBuf)]) -> Vec<Result<(), String>> {
        for (_, directory) in archives {
            fs::create_dir_all(directory).unwrap();
        }
        match self {
            Self::Python => self.unpack_in_one_process(archives),
            Self::GnuTar | Self::Bsdtar => {
                archives.iter().map(|(archive, directory)| self.unpack_one(archive, directory)).collect()
            }
        }
    }

    fn unpack_one(self, archive: &Path, directory: &Path) -> Result<(), String> {
        let mut command = self.command();
        // A pack contains neither owners nor extended attributes. As root, both readers would restore owners, and
        // bsdtar would also restore extended attributes.
        command.args(["--no-same-owner", "--no-xattrs", "--no-acls", "-x", "-f"]).arg(archive).arg("-C").arg(directory);
        let output = command.output().unwrap();
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    fn unpack_in_one_process(self, archives: &[(PathBuf, PathBuf)]) -> Vec<Result<(), String>> {
        const SCRIPT: &str = "
import sys, tarfile
for line in sys.stdin:
    archive, directory = line.rstrip('\\n').split('\\t')
    try:
        with tarfile.open(archive, errorlevel=2) as tar:
            tar.extractall(directory, filter='fully_trusted')
        print('ok')
    except Exception as error:
        print(repr(error))
";
        let mut command = self.command();
        command.args(["-c", SCRIPT]);
        let job = |(archive, directory): &(PathBuf, PathBuf)| format!("{}\t{}", archive.display(), directory.display());
        run_batch(&mut command, &archives.iter().map(job).collect::<Vec<_>>())
    }
}
