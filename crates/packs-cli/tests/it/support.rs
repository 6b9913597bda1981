use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// A working directory for one test.
pub(crate) struct Work(TempDir);

/// The output and the exit status of a run of `packs`.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Work {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Creates a working directory whose `pack` subdirectory contains these files. A path that ends in `/` is a
    /// directory.
    pub(crate) fn with_pack(files: &[(&str, &str)]) -> Self {
        let work = Self::new();
        for (path, content) in files {
            let path = work.path(&format!("pack/{path}"));
            if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
        }
        work
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(path), content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Runs `packs` in this directory.
    pub(crate) fn packs(&self, arguments: &[&str]) -> Printed {
        self.run(packs(self.0.path()).args(arguments))
    }

    /// Runs a command. Fails if the process is ended by a signal, or if its output is not UTF-8.
    pub(crate) fn run(&self, command: &mut Command) -> Printed {
        Printed::new(command.output().unwrap())
    }
}

/// Returns a command that runs `packs` in a directory, without any environment variables.
pub(crate) fn packs(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packs"));
    command.current_dir(directory).env_clear();
    command
}

impl Printed {
    /// Fails if the process was ended by a signal, or if its output is not UTF-8.
    pub(crate) fn new(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }

    /// Returns standard output. Fails unless the run succeeded.
    #[track_caller]
    pub(crate) fn success(&self) -> &str {
        assert_eq!(self.status, 0, "{self:?}");
        &self.out
    }

    /// Asserts that the run failed with exit status 2 and printed only this error.
    #[track_caller]
    pub(crate) fn expect_error(&self, message: &str) {
        assert_eq!((self.status, self.out.as_str()), (2, ""), "{self:?}");
        assert_eq!(self.err, format!("error: {message}\n"));
    }
}
