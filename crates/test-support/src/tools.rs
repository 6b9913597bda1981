use std::process::Command;

/// Returns a command for this program. If it is not installed, calls [`report_missing`] and returns `None`.
pub fn tool(name: &str) -> Option<Command> {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(name).is_file()));
    if !found {
        report_missing(name);
        return None;
    }
    Some(Command::new(name))
}

/// Prints that checks with this tool are skipped.
///
/// # Panics
/// Panics if `REQUIRE_TOOLS` is set. `.ci/run` sets it.
pub fn report_missing(name: &str) {
    assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{name} is not installed");
    println!("skipped: {name} is not installed");
}

/// Runs a command, which must succeed, and returns its standard output.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}
