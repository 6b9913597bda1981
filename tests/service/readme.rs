//! Checks that the commands in README.md print the output shown there.
//!
//! In a `console` block, a line that starts with `$ ` is a command. It continues on the next line if it ends with `\`
//! or the next line starts with `> `. All other lines are the expected output, including standard error. `…` matches
//! one or more characters within a line. Blocks with only `cargo` commands, and blocks that use an optional tool that
//! is not installed, are not run.
//!
//! The test replaces `http://127.0.0.1:9000` with the address of its own `local`. If the output of the service changes,
//! run the test with `UPDATE_GOLDEN=1`, then replace the ids in the new output with `…`.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{Local, path_with_packs, scratch, tool};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const DEFAULT_URL: &str = "http://127.0.0.1:9000";
/// Tools that only some blocks need. A block is skipped if a tool that it uses is missing.
const OPTIONAL_TOOLS: [&str; 2] = ["skopeo", "umoci"];
/// The shell prints this character before and after the exit status of each command.
const MARK: char = '\u{1e}';

/// A command and its expected output.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    output: Vec<String>,
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        match steps.last_mut() {
            _ if line.starts_with("$ ") => steps.push(Step { command: line[2..].to_owned(), output: Vec::new() }),
            Some(Step { command, output }) if output.is_empty() && line.starts_with("> ") => {
                command.push_str(&format!("\n{}", &line[2..]));
            }
            Some(Step { command, output }) if output.is_empty() && command.ends_with('\\') => {
                command.push_str(&format!("\n{line}"));
            }
            Some(Step { output, .. }) => output.push(line.to_owned()),
            None => panic!("a block starts with output: {line}"),
        }
    }
    steps
}

/// Returns the content of each `console` block in a document.
fn console_blocks(document: &str) -> Vec<&str> {
    let blocks = document.split("```console\n").skip(1);
    blocks.map(|rest| rest.split_once("```").expect("the block has an end").0).collect()
}

/// Returns whether to run a block: if it contains a command other than `cargo`, and all optional tools that it uses are
/// installed.
fn is_runnable(steps: &[Step]) -> bool {
    !steps.iter().all(|step| step.command.starts_with("cargo "))
        && OPTIONAL_TOOLS.into_iter().all(|name| {
            let is_used = steps.iter().any(|step| step.command.split_whitespace().any(|word| word == name));
            !is_used || tool(name).is_some()
        })
}

/// Runs the commands in one shell and returns the output of each. Panics if a command fails.
fn run_all(commands: &[&str], directory: &Path, work: &Path) -> Vec<String> {
    let (script, printed) = (work.join("script"), work.join("printed"));
    let steps = commands.iter().map(|command| format!("{command}\nprintf '{MARK}%s{MARK}' $?\n"));
    fs::write(&script, steps.collect::<String>()).unwrap();
    let output = File::create(&printed).unwrap();
    let mut shell = Command::new("sh");
    shell.arg(&script).current_dir(directory).stdin(Stdio::null()).env("PATH", path_with_packs());
    shell.stdout(output.try_clone().unwrap()).stderr(output).status().unwrap();
    let printed = fs::read_to_string(printed).unwrap();
    let mut parts = printed.split(MARK);
    let outputs = commands.iter().map(|command| {
        let (output, status) = (parts.next().unwrap_or_default(), parts.next().unwrap_or("not run"));
        assert_eq!(status, "0", "the exit status of `{command}`, which printed:\n{output}");
        output.to_owned()
    });
    outputs.collect()
}

/// Returns whether an output line matches an expected line. `…` in the expected line stands for one or more characters.
fn matches(expected: &str, found: &str) -> bool {
    let Some((start, rest)) = expected.split_once('…') else { return expected == found };
    let Some(found) = found.strip_prefix(start) else { return false };
    found.char_indices().any(|(index, char)| matches(rest, &found[index + char.len_utf8()..]))
}

/// Returns the lines of `found`. Replaces each line that matches an expected line with that expected line, so that its
/// placeholders are kept.
fn merge(expected: &[String], found: &str) -> Vec<String> {
    let mut rest = expected;
    let lines = found.lines().map(|line| match rest.iter().position(|expected| matches(expected, line)) {
        Some(index) => {
            let kept = rest[index].clone();
            rest = &rest[index + 1..];
            kept
        }
        None => line.to_owned(),
    });
    lines.collect()
}

#[tokio::test]
async fn the_commands_print_what_the_readme_says() {
    let (Some(_), Some(_)) = (tool("curl"), tool("jq")) else { return };
    let local = Local::start().await;
    let path = Path::new(ROOT).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    assert!(readme.contains(DEFAULT_URL), "README.md uses an address other than {DEFAULT_URL}");
    let steps: Vec<Step> =
        console_blocks(&readme).into_iter().map(steps).filter(|steps| is_runnable(steps)).flatten().collect();
    assert!(!steps.is_empty());
    let url = local.url("");
    let commands: Vec<String> = steps.iter().map(|step| step.command.replace(DEFAULT_URL, &url)).collect();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let ((_guard, directory), (_work_guard, work)) = (scratch(), scratch());

    let mut updated = readme.clone();
    for (step, found) in steps.iter().zip(run_all(&commands, &directory, &work)) {
        let merged = merge(&step.output, &found);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let block = |output: &[String]| format!("$ {}\n{}", step.command, lines(output));
            updated = updated.replacen(&block(&step.output), &block(&merged), 1);
        } else {
            let expected = step.output.join("\n");
            assert!(step.output == merged, "`{}` should print:\n{expected}\nbut printed:\n{found}", step.command);
        }
    }
    if updated != readme {
        fs::write(path, updated).unwrap();
    }
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn commands_are_separated_from_output() {
    let step = |command: &str, output: &[&str]| Step {
        command: command.to_owned(),
        output: output.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert_eq!(
        steps("$ a \\\n    b\n> c\nd\n$ e\n$ cat <<END\n> f\n> END\nf\n"),
        [step("a \\\n    b\nc", &["d"]), step("e", &[]), step("cat <<END\nf\nEND", &["f"])]
    );
    for (expected, found, result) in [
        ("same", "same", true),
        ("same", "other", false),
        ("id: …", "id: pack_1", true),
        ("id: …", "id: ", false),
        ("a…c…e", "abcde", true),
        ("a…c…e", "abcdef", false),
    ] {
        assert_eq!(matches(expected, found), result, "{expected} {found}");
    }
}
