//! Other people's tar readers: GNU tar, libarchive's bsdtar and Python's `tarfile`.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What lies in a directory: paths, directories with a slash at the end, and each file's executable bit and content.
pub type Listing = BTreeMap<String, Option<(bool, Vec<u8>)>>;

/// A program that unpacks `.tar.gz` and plain `.tar` files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    GnuTar,
    Bsdtar,
    Python,
}

impl Reader {
    /// Those that are installed. A missing one is told, and with `REQUIRE_TOOLS=1` it is a failure.
    pub fn installed() -> Vec<Self> {
        [Self::GnuTar, Self::Bsdtar, Self::Python].into_iter().filter(|reader| reader.is_installed()).collect()
    }

    fn is_installed(self) -> bool {
        let is_there = self.command().arg("--version").output().is_ok_and(|output| output.status.success());
        if !is_there {
            assert!(std::env::var_os("REQUIRE_TOOLS").is_none_or(|value| value != "1"), "{self:?} is not installed");
            println!("skipped: {self:?} is not installed");
        }
        is_there
    }

    fn command(self) -> Command {
        let mut command = Command::new(match self {
            Self::GnuTar => "tar",
            Self::Bsdtar => "bsdtar",
            Self::Python => "python3",
        });
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// Unpacks each archive into its directory, which is made. An archive that the reader refuses is an error with what
    /// it printed; what it warns of is not.
    pub fn unpack(self, archives: &[(PathBuf, PathBuf)]) -> Vec<Result<(), String>> {
        for (_, directory) in archives {
            fs::create_dir_all(directory).expect("the directory can be made");
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
        // Neither owners nor attributes are a pack's; the user who runs the tests may be root.
        command.args(["--no-same-owner", "--no-xattrs", "--no-acls", "-x", "-f"]).arg(archive).arg("-C").arg(directory);
        let output = command.output().expect("the reader runs");
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
        let mut child = self
            .command()
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the reader runs");
        let mut stdin = child.stdin.take().expect("it is piped");
        let lines: String = archives
            .iter()
            .map(|(archive, directory)| format!("{}\t{}\n", archive.display(), directory.display()))
            .collect();
        // The other pipe must be read meanwhile, or both sides wait.
        let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
        let output = child.wait_with_output().expect("the reader ends");
        writer.join().expect("the writer ends").expect("the reader reads everything");
        let results = String::from_utf8(output.stdout).expect("the reader writes UTF-8");
        let results: Vec<_> =
            results.lines().map(|line| if line == "ok" { Ok(()) } else { Err(line.to_owned()) }).collect();
        assert_eq!(results.len(), archives.len());
        results
    }
}

/// Everything below a directory.
pub fn read_directory(directory: &Path) -> Listing {
    let mut listing = Listing::new();
    read_into(&mut listing, directory, "");
    listing
}

fn read_into(listing: &mut Listing, directory: &Path, prefix: &str) {
    for entry in fs::read_dir(directory).expect("the directory can be read") {
        let entry = entry.expect("the directory can be read");
        let path = format!("{prefix}{}", entry.file_name().into_string().expect("names are UTF-8"));
        let metadata = entry.metadata().expect("the entry can be looked at");
        if metadata.is_dir() {
            read_into(listing, &entry.path(), &format!("{path}/"));
            listing.insert(format!("{path}/"), None);
        } else {
            assert!(metadata.is_file(), "{path} is neither file nor directory");
            let executable = metadata.permissions().mode() & 0o111 != 0;
            listing.insert(path, Some((executable, fs::read(entry.path()).expect("the file can be read"))));
        }
    }
}
