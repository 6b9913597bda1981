use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use test_support::{run_batch, tool};

use super::readers::program;

/// Shell commands that archive the current directory as `$OUT`. The first word of each is the program that it needs. A
/// command whose program is not installed is skipped.
const COMMANDS: [&str; 18] = [
    "tar --format=v7 -cf $OUT .",
    "tar --format=oldgnu -cf $OUT .",
    "tar --format=gnu -cf $OUT .",
    "tar --format=ustar -cf $OUT .",
    "tar --format=posix -cf $OUT .",
    "tar --format=posix --mtime=@-1.5 -b1 -V label -cf $OUT .",
    "bsdtar --format=pax -cf $OUT .",
    "bsdtar --format=paxr -cf $OUT .",
    "bsdtar --format=ustar -cf $OUT .",
    "bsdtar --format=gnutar -cf $OUT .",
    "bsdtar --format=v7tar -cf $OUT .",
    "busybox tar -cf $OUT .",
    "7z a -ttar -mm=gnu -bd -bso0 -bsp0 $OUT .",
    "7z a -ttar -mm=pax -bd -bso0 -bsp0 $OUT .",
    "cpio -oH tar --quiet -0 -O $OUT < $NAMES",
    "cpio -oH ustar --quiet -0 -O $OUT < $NAMES",
    "pax -w -x ustar -f $OUT .",
    "git --git-dir=$OUT.git --work-tree=. init -q && export GIT_DIR=$OUT.git && git add -Af && git -c user.name=a -c \
     user.email=a@example.com commit -qm a && git archive -o $OUT HEAD",
];

/// The programs that write many archives in one process, with the formats that each can write.
const FORMATS: [(&str, &[&str]); 4] = [
    ("python", &["ustar", "gnu", "pax"]),
    ("node-tar", &["default", "portable", "ustar"]),
    ("commons-compress", &["gnu", "posix"]),
    ("go", &["ustar", "pax", "gnu"]),
];

/// A tool that archives a directory, with the tool's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    Command(&'static str),
    Program { program: &'static str, format: &'static str },
    RustTar,
}

impl Writer {
    pub(super) fn installed() -> Vec<Self> {
        let is_installed = |command: &&str| tool(command.split(' ').next().unwrap()).is_some();
        let commands = COMMANDS.into_iter().filter(is_installed).map(Self::Command);
        let programs = FORMATS.into_iter().filter(|(name, _)| program(name).is_some());
        let programs =
            programs.flat_map(|(program, formats)| formats.iter().map(move |format| Self::Program { program, format }));
        commands.chain(programs).chain([Self::RustTar]).collect()
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Command(command) => (*command).to_owned(),
            Self::Program { program, format } => format!("{program} {format}"),
            Self::RustTar => "Rust tar".to_owned(),
        }
    }

    /// Returns whether the writer silently skips entries whose names do not fit in its format, or truncates the names.
    pub(super) fn loses_long_names(&self) -> bool {
        match self {
            Self::Command(command) => {
                command.starts_with("cpio") || command.contains("v7tar") || command.starts_with("bsdtar --format=ustar")
            }
            Self::Program { program, format } => (*program, *format) == ("node-tar", "ustar"),
            Self::RustTar => false,
        }
    }

    pub(super) fn stores_empty_directories(&self) -> bool {
        !matches!(self, Self::Command(command) if command.starts_with("git"))
    }
}

/// Archives the directory with each writer. Returns the path of each archive, or an error if its writer failed.
pub(super) fn write_all<'a>(writers: &[&'a Writer], directory: &Path) -> Vec<(&'a Writer, Result<PathBuf, String>)> {
    let archive = |index: usize| directory.with_extension(format!("{index}.tar"));
    let mut results: Vec<Option<Result<(), String>>> = vec![None; writers.len()];
    for (name, _) in FORMATS {
        let jobs: Vec<(usize, String)> = writers
            .iter()
            .enumerate()
            .filter_map(|(index, writer)| match writer {
                Writer::Program { program, format } if *program == name => {
                    Some((index, format!("{format}\t{}\t{}", directory.display(), archive(index).display())))
                }
                _ => None,
            })
            .collect();
        if jobs.is_empty() {
            continue;
        }
        let (indices, lines): (Vec<usize>, Vec<String>) = jobs.into_iter().unzip();
        let written = run_batch(program(name).unwrap().arg("write"), &lines);
        indices.into_iter().zip(written).for_each(|(index, result)| results[index] = Some(result));
    }
    let written = writers.iter().copied().zip(results).enumerate().map(|(index, (writer, result))| {
        let result = match writer {
            Writer::Command(command) => run_command(command, directory, &archive(index)),
            Writer::RustTar => write_with_rust(directory, &archive(index)),
            Writer::Program { .. } => result.expect("every program has run"),
        };
        (writer, result.map(|()| archive(index)))
    });
    written.collect()
}

fn run_command(command: &str, directory: &Path, archive: &Path) -> Result<(), String> {
    let names = archive.with_extension("names");
    let list = "find . -mindepth 1 -print0 | LC_ALL=C sort -z > $NAMES";
    let output = Command::new("sh")
        .args(["-c", &format!("{list} && {command}")])
        .current_dir(directory)
        .env("LC_ALL", "C.UTF-8")
        .env("OUT", archive)
        .env("NAMES", names)
        .stdout(Stdio::null())
        .output()
        .unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn write_with_rust(directory: &Path, archive: &Path) -> Result<(), String> {
    let mut builder = tar::Builder::new(File::create(archive).unwrap());
    builder.append_dir_all(".", directory).and_then(|()| builder.finish()).map_err(|error| error.to_string())
}
