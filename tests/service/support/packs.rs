use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::Local;

/// Returns the path of the `packs` binary, which is built on the first call.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--locked", "--package", "packs-cli", "--profile", profile]);
        assert!(build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
        Path::new(env!("CARGO_BIN_EXE_local")).with_file_name("packs")
    })
}

/// Returns `PATH` with the directory of `packs` at the front.
pub(crate) fn path_with_packs() -> OsString {
    let directory = program().parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([directory].into_iter().chain(env::split_paths(&path))).unwrap()
}

/// Returns a command that runs `packs` with the address of `local` and the key of `acme`.
pub(crate) fn packs(local: &Local) -> Command {
    let mut command = Command::new(program());
    command.env("PACKS_URL", local.url("")).env("EVERSHELL_API_KEY", local.key("acme"));
    command
}
