use std::process::Command;

/// The program of this name, or `None` with a printed word where it is not installed. With `REQUIRE_TOOLS` set, as
/// `.ci/run` does, a missing one fails the test.
pub fn tool(name: &str) -> Option<Command> {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(name).is_file()));
    if !found {
        assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{name} is not installed");
        println!("skipped: {name} is not installed");
        return None;
    }
    Some(Command::new(name))
}

/// Runs a command to its end and returns what it printed; it must succeed.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}
