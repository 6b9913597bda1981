use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Returns a command for this program. If the program is not installed, calls [`report_missing`] and returns `None`.
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
/// Panics if `REQUIRE_TOOLS` is set, as it is in `.ci/run`.
pub fn report_missing(name: &str) {
    assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{name} is not installed");
    println!("skipped: {name} is not installed");
}

/// Runs a command and returns its standard output.
///
/// # Panics
/// Panics if the command fails.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// Runs a command that reads one job per line from standard input, and prints `ok` or an error for each job. Returns
/// each job's result.
///
/// # Panics
/// Panics if the command does not print one line for each job.
pub fn run_batch(command: &mut Command, jobs: &[String]) -> Vec<Result<(), String>> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = jobs.iter().map(|job| format!("{job}\n")).collect();
    // Write in another thread. Otherwise, both processes could block because neither reads what the other writes.
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let results: Vec<_> =
        printed.lines().map(|line| if line == "ok" { Ok(()) } else { Err(line.to_owned()) }).collect();
    assert_eq!(results.len(), jobs.len(), "{command:?}");
    results
}
