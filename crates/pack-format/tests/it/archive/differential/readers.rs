use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::Command,
};

use test_support::{readers::Reader as Reference, report_missing, run_batch, tool};

/// A tar reader. If it can unpack an archive that the validator accepts, it must find the same files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// A reader that must not refuse an accepted archive.
    Reference(Reference),
    /// A program that unpacks one archive per process.
    Command(&'static str),
    /// A program that unpacks many archives in one process.
    Program(&'static str),
    RustTar,
}

pub(super) fn installed() -> Vec<Reader> {
    let references = Reference::installed().into_iter().map(Reader::Reference);
    let commands = ["busybox", "7z"].into_iter().filter(|name| tool(name).is_some()).map(Reader::Command);
    let programs =
        ["node-tar", "commons-compress", "go"].into_iter().filter(|name| program(name).is_some()).map(Reader::Program);
    references.chain(commands).chain(programs).chain([Reader::RustTar]).collect()
}

impl Reader {
    /// Creates each directory and unpacks its archive into it. For each archive that the reader refuses, returns the
    /// reader's message.
    pub(super) fn unpack(self, archives: &[(PathBuf, PathBuf)]) -> Vec<Result<(), String>> {
        for (_, directory) in archives {
            fs::create_dir(directory).unwrap();
        }
        match self {
            Self::Reference(reader) => reader.unpack(archives),
            Self::Command(name) => {
                archives.iter().map(|(archive, directory)| unpack_with_command(name, archive, directory)).collect()
            }
            Self::Program(name) => {
                let job = |(archive, directory): &(PathBuf, PathBuf)| {
                    format!("{}\t{}", archive.display(), directory.display())
                };
                run_batch(program(name).unwrap().arg("read"), &archives.iter().map(job).collect::<Vec<_>>())
            }
            Self::RustTar => archives.iter().map(|(archive, directory)| unpack_with_rust(archive, directory)).collect(),
        }
    }
}

/// Returns the command that runs a program in `programs/`. The caller must add the argument `read` or `write`. If the
/// interpreter or a library is not installed, calls [`report_missing`] and returns `None`.
pub(super) fn program(name: &str) -> Option<Command> {
    const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/archive/differential/programs");
    // `.ci/run` installs node-tar here.
    const NODE_MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/node/node_modules");
    const JAR: &str = "/usr/share/java/commons-compress.jar";
    let (interpreter, library, arguments) = match name {
        "python" => ("python3", None, vec!["tar.py"]),
        "node-tar" => ("node", Some(format!("{NODE_MODULES}/tar")), vec!["tar.mjs"]),
        "commons-compress" => ("java", Some(JAR.to_owned()), vec!["-cp", JAR, "Tar.java"]),
        "go" => ("go", None, vec!["run", "tar.go"]),
        _ => panic!("{name} is not a program"),
    };
    if library.is_some_and(|path| !Path::new(&path).exists()) {
        report_missing(name);
        return None;
    }
    let mut command = tool(interpreter)?;
    command.current_dir(PROGRAMS).args(arguments).env("NODE_PATH", NODE_MODULES).env("LC_ALL", "C.UTF-8");
    Some(command)
}

fn unpack_with_command(name: &str, archive: &Path, directory: &Path) -> Result<(), String> {
    let mut command = Command::new(name);
    match name {
        "busybox" => command.args(["tar", "-o", "-xf"]).arg(archive).arg("-C").arg(directory),
        _ => {
            let mut output = std::ffi::OsString::from("-o");
            output.push(directory);
            command.args(["x", "-y", "-bd", "-bso0", "-bsp0"]).arg(output).arg(archive)
        }
    };
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn unpack_with_rust(archive: &Path, directory: &Path) -> Result<(), String> {
    let unpack = || -> std::io::Result<()> {
        let mut archive = tar::Archive::new(fs::File::open(archive)?);
        archive.set_preserve_permissions(true);
        for entry in archive.entries()? {
            let mut entry = entry?;
            // `unpack_in` would create the parent directory of a global header's name.
            if !entry.header().entry_type().is_pax_global_extensions() {
                entry.unpack_in(directory)?;
            }
        }
        Ok(())
    };
    // The `tar` crate can overflow an integer, which panics in a debug build.
    match catch_unwind(AssertUnwindSafe(unpack)) {
        Ok(result) => result.map_err(|error| format!("{error:?}")),
        Err(_) => Err("panicked".to_owned()),
    }
}
