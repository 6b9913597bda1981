//! Checks which modules under src/ use which other modules. The test reads every path that begins with `crate` or
//! `super`, in `use` declarations and elsewhere, except in line comments.
//!
//! To allow a dependency, add it to [`ALLOWED`]. Every new top-level module needs an entry.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The restricted top-level modules, each with the modules that it may use.
const ALLOWED: [(&str, &[&str]); 17] = [
    ("records", &[]),
    ("error_chain", &[]),
    ("cache", &[]),
    ("telemetry", &["error_chain"]),
    ("identity", &["error_chain", "cache", "telemetry", "records"]),
    ("aws", &["error_chain", "cache", "telemetry", "records", "identity"]),
    ("registry", &["error_chain", "telemetry", "records", "aws"]),
    ("signing", &["records", "aws"]),
    ("validation", &["telemetry"]),
    ("upload", USE_CASE),
    ("build", USE_CASE),
    ("requeue", USE_CASE),
    ("catalog", USE_CASE),
    ("lifecycle", USE_CASE),
    ("rates", USE_CASE),
    ("lambda", LAMBDA),
    ("config", CONFIG),
];

/// The modules that a use case may use. Other use cases are not among them.
const USE_CASE: &[&str] =
    &["error_chain", "cache", "telemetry", "records", "identity", "aws", "registry", "signing", "validation"];

const LAMBDA: &[&str] = &[
    "error_chain",
    "telemetry",
    "records",
    "identity",
    "aws",
    "registry",
    "signing",
    "validation",
    "upload",
    "build",
    "requeue",
    "catalog",
    "lifecycle",
    "rates",
];

const CONFIG: &[&str] =
    &["error_chain", "telemetry", "records", "identity", "aws", "registry", "signing", "upload", "build", "requeue"];

/// The modules that may use all others.
const UNRESTRICTED: [&str; 3] = ["local", "bin", "lib"];

#[test]
fn modules_use_only_allowed_modules() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = source_files(&src);
    let files: Vec<_> = files.iter().map(|file| file.strip_prefix(&src).unwrap()).collect();
    let modules: BTreeSet<_> = files.iter().map(|file| module_path(file).swap_remove(0)).collect();
    let mut violations = Vec::new();
    for file in files {
        let segments = module_path(file);
        let module = &*segments[0];
        if UNRESTRICTED.contains(&module) {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
            violations.push(format!("src/{}: `{module}` has no entry in ALLOWED", file.display()));
            continue;
        };
        for (line, used) in dependencies(&fs::read_to_string(src.join(file)).unwrap(), segments.len()) {
            if used != module && modules.contains(&used) && !allowed.contains(&&*used) {
                violations.push(format!("src/{}:{line}: `{module}` must not use `crate::{used}`", file.display()));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// `source` is the code of a file directly in a top-level module's directory.
#[test]
fn dependencies_in_every_form_of_path_are_found() {
    let source = "
        //! Uses [`config`](crate::config).
        use crate::aws::{self, Error};
        use crate::{
            build::{BuildError, Builder as B}, // crate::config
            identity as who, telemetry::*,
        };
        use super::{sibling, super::upload};
        pub(in crate::registry) fn f() -> crate::records::Record {
            super::g(super::super::local::run())
        }
        use super::super::{lambda, requeue};
    ";
    let expected = [
        (3, "aws"),
        (5, "build"),
        (6, "identity"),
        (6, "telemetry"),
        (8, "upload"),
        (9, "registry"),
        (9, "records"),
        (10, "local"),
        (12, "lambda"),
        (12, "requeue"),
    ];
    assert_eq!(dependencies(source, 2), expected.map(|(line, module)| (line, module.to_owned())));
}

fn source_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Returns the segments of a file's module path: `["aws", "table"]` for `aws/table/mod.rs`.
fn module_path(file: &Path) -> Vec<String> {
    let segments = file.with_extension("");
    segments.iter().map(|segment| segment.to_str().unwrap().to_owned()).filter(|segment| segment != "mod").collect()
}

/// Returns each top-level module that a source file uses, with the line number of the use. `depth` is the number of
/// segments in the file's own module path.
fn dependencies(source: &str, depth: usize) -> Vec<(usize, String)> {
    let lines = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    let tokens: Vec<_> = (1..).zip(lines).flat_map(|(n, line)| tokens(line).into_iter().map(move |t| (n, t))).collect();
    let mut found = Vec::new();
    for start in 0..tokens.len() {
        let continues_path = start > 0 && tokens[start - 1].1 == "::";
        if !continues_path && ["crate", "super"].contains(&tokens[start].1) {
            collect(&tokens[start..], depth, &mut found);
        }
    }
    found
}

/// Collects the top-level modules in a path or in a group of paths. The path is relative to a module `depth` levels
/// below the crate root: at depth 0, the next segment is a top-level module.
fn collect(path: &[(usize, &str)], depth: usize, found: &mut Vec<(usize, String)>) {
    let is_prefix = path.get(1).is_some_and(|(_, token)| *token == "::");
    match path {
        [(_, "crate"), ..] if is_prefix => collect(&path[2..], 0, found),
        [(_, "super"), ..] if is_prefix && depth > 0 => collect(&path[2..], depth - 1, found),
        [(_, "{"), group @ ..] => members(group).into_iter().for_each(|member| collect(member, depth, found)),
        [(line, name), ..] if depth == 0 => found.push((*line, (*name).to_owned())),
        _ => {}
    }
}

/// Returns a slice for each member of a comma-separated group, from that member to the end of `group`.
fn members<'a, 'b>(group: &'a [(usize, &'b str)]) -> Vec<&'a [(usize, &'b str)]> {
    let (mut members, mut nesting, mut at_start) = (Vec::new(), 0, true);
    for (index, (_, token)) in group.iter().enumerate() {
        match *token {
            "}" if nesting == 0 => break,
            "," if nesting == 0 => at_start = true,
            _ if at_start => {
                members.push(&group[index..]);
                at_start = false;
            }
            _ => {}
        }
        match *token {
            "{" => nesting += 1,
            "}" => nesting -= 1,
            _ => {}
        }
    }
    members
}

/// Splits a line into words, `::` and single characters.
fn tokens(line: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut tokens, mut rest) = (Vec::new(), line.trim_start());
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ':' if rest.starts_with("::") => 2,
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, remainder) = rest.split_at(length);
        tokens.push(token);
        rest = remainder.trim_start();
    }
    tokens
}
