use std::fs;

use crate::support::Work;

#[test]
fn help_has_examples_and_exit_statuses() {
    let printed = Work::new().packs(&["--help"]);
    assert!(printed.success().contains("Examples:\n  packs init"), "{printed:?}");
    let statuses =
        "Exit status:\n  0    success\n  1    the pack has problems, or the image has no valid attestation\n";
    assert!(printed.out.contains(statuses), "{printed:?}");
}

#[test]
fn a_usage_error_exits_with_status_2() {
    assert_eq!(Work::new().packs(&["chekc"]).status, 2);
}

#[test]
fn completion_scripts_contain_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let printed = Work::new().packs(&["completions", shell]);
        for command in ["check", "verify"] {
            assert!(printed.success().contains(command), "{printed:?}");
        }
    }
}

#[test]
fn commands_have_manual_pages_with_their_options() {
    let work = Work::new();
    work.packs(&["man", "."]).success();
    assert!(work.read("packs.1").contains("packs\\-check(1)"));
    let page = work.read("packs-check.1");
    assert!(page.contains("\\-\\-follow\\-links"), "{page}");
    let page = work.read("packs-verify.1");
    assert!(page.contains("\\-\\-username") && page.contains("PACKS_REGISTRY_PASSWORD"), "{page}");
    let pages = fs::read_dir(work.path("")).unwrap().count();
    assert!(pages > 5, "{pages}");
}
