//! Runs the scripts of the workflow in docs/ci.md, with a fake `gh`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use saphyr::{LoadableYamlNode, Yaml};

use crate::support::{Local, manifest, path_with_packs, scratch, tool};

const GH: &str = "#!/bin/sh\necho \"$@\" > \"$GH_LOG\"\ncat ../comment.md >> \"$GH_LOG\"\n";

fn script(job: &str, step: &str) -> String {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci.md")).unwrap();
    let (_, rest) = document.split_once("```yaml\n").unwrap();
    let (workflow, _) = rest.split_once("\n```\n").unwrap();
    let workflow = &Yaml::load_from_str(workflow).unwrap()[0];
    let steps = workflow["jobs"][job]["steps"].as_sequence().unwrap();
    let step = steps.iter().find(|found| found.as_mapping_get("name").and_then(Yaml::as_str) == Some(step)).unwrap();
    step["run"].as_str().unwrap().to_owned()
}

/// Runs a step's script as GitHub Actions does.
fn run(job: &str, step: &str, directory: &Path, variables: &[(&str, &str)]) -> Output {
    let mut bash = Command::new("bash");
    bash.args(["-eo", "pipefail", "-c", &script(job, step)]).current_dir(directory);
    let path = path_with_packs();
    let mut directories = vec![directory.join("../bin")];
    directories.extend(std::env::split_paths(&path));
    bash.env("PATH", std::env::join_paths(directories).unwrap()).env("PACK", "my-pack");
    bash.envs(variables.iter().copied()).output().unwrap()
}

fn git(directory: &Path, command: &str) {
    let script = format!("git -c user.name=a -c user.email=a@example.com {command}");
    let output = Command::new("sh").args(["-c", &script]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
}

#[tokio::test]
async fn the_workflow_checks_compares_and_pushes() {
    let (Some(_), Some(_)) = (tool("git"), tool("bash")) else { return };
    let (_guard, work) = scratch();
    let repository = work.join("repository");
    fs::create_dir_all(repository.join("my-pack/guides")).unwrap();
    fs::create_dir(work.join("bin")).unwrap();
    fs::write(work.join("bin/gh"), GH).unwrap();
    fs::set_permissions(work.join("bin/gh"), fs::Permissions::from_mode(0o755)).unwrap();
    let write = |file: &str, content: &str| fs::write(repository.join("my-pack").join(file), content).unwrap();

    write("pack.yaml", &manifest("my-pack", "1.0.0"));
    git(&repository, "init --quiet --initial-branch main");
    git(&repository, "add .");
    git(&repository, "commit --quiet --message first");
    git(&repository, "update-ref refs/remotes/origin/main main");

    write("guides/a.md", "a");
    write("notes.txt", "");
    let output = run("check", "check", &repository, &[]);
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.starts_with("::error title=packs,file=my-pack/notes.txt::"), "{printed}");
    fs::remove_file(repository.join("my-pack/notes.txt")).unwrap();
    assert!(run("check", "check", &repository, &[]).status.success());

    let log = work.join("log");
    let variables = [("GITHUB_BASE_REF", "main"), ("NUMBER", "7"), ("GH_LOG", log.to_str().unwrap())];
    let output = run("check", "compare", &repository, &variables);
    assert!(output.status.success(), "{output:?}");
    let expected = "pr comment 7 --edit-last --create-if-none --body-file ../comment.md\n\
        ```\n--- my-pack 1.0.0\n+++ my-pack 1.0.0\ncapabilities: no difference\nfiles:\n  + guides/a.md\n```\n";
    assert_eq!(fs::read_to_string(&log).unwrap(), expected);

    let local = Local::start().await;
    let (url, key) = (local.url(""), local.key("acme"));
    let output = run("push", "push", &repository, &[("PACKS_URL", &url), ("EVERSHELL_API_KEY", &key)]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("my-pack 1.0.0 sha256:"), "{output:?}");
}
