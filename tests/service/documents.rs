//! Checks README.md and the other documents. Relative links must resolve, and paths and code names must exist. The
//! command that writes a pack's layer must be the one that the tests run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use test_support::LAYER_COMMAND;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn documents() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let names = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "crates/pack-format/MISTAKES.md"];
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    names.into_iter().map(|name| root.join(name)).chain(docs).collect()
}

/// Removes code blocks and code spans, which cannot contain links.
fn prose(document: &str) -> String {
    let outside = |text: &str, fence: &str| text.split(fence).step_by(2).collect::<Vec<_>>().join(" ");
    outside(&outside(document, "```"), "`")
}

/// Returns the targets of all links that are not URLs.
fn relative_links(document: &str) -> Vec<String> {
    let prose = prose(document);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// Returns the anchors that GitHub generates for a document's headings.
fn anchors(document: &str) -> BTreeSet<String> {
    let outside = document.split("```").step_by(2);
    let headings = outside.flat_map(str::lines).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.chars().filter(|char| char.is_alphanumeric() || matches!(char, '-' | '_')).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_relative_link_resolves() {
    let mut broken = Vec::new();
    for path in documents() {
        let document = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for link in relative_links(&document) {
            let (file, anchor) = link.split_once('#').map_or((&*link, None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let has_anchor =
                |anchor: &str| fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor));
            if !target.exists() || !anchor.is_none_or(has_anchor) {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The directories that a path in a code span may be relative to.
const BASES: [&str; 6] = [
    "",
    "tests/service",
    "crates/pack-format",
    "crates/pack-format/src",
    "crates/pack-format/tests/it",
    "tests/service/end_to_end/faults",
];

/// Returns the content of each code span.
fn code_spans(document: &str) -> impl Iterator<Item = &str> {
    let prose = document.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

/// Returns the first word of each code span in a document, if it is the path of a source file, script or directory.
fn paths(document: &str) -> impl Iterator<Item = &str> {
    let words = code_spans(document).filter_map(|span| span.split_whitespace().next());
    words.filter(|word| {
        let is_path = [".rs", ".py"].iter().any(|extension| word.ends_with(extension))
            || ["tests/", "src/", "crates/", "benches/"].iter().any(|directory| word.starts_with(directory));
        is_path && !word.contains(['*', '<'])
    })
}

#[test]
fn every_path_in_a_document_exists() {
    let mut missing = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let exists = |path: &str| BASES.iter().any(|base| Path::new(ROOT).join(base).join(path).exists());
        missing.extend(paths(&text).filter(|path| !exists(path)).map(|path| format!("{}: {path}", document.display())));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Returns the `snake_case` and `CamelCase` names in a document's code spans: functions, types, fields and resources.
fn names(document: &str) -> impl Iterator<Item = &str> {
    let is_name = |span: &str| span.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':'));
    code_spans(document).filter(move |span| is_name(span)).flat_map(|span| span.split("::")).filter(|name| {
        let is_compound = name.chars().skip(1).any(|char| char == '_' || char.is_ascii_uppercase());
        is_compound && name.contains(|char: char| char.is_ascii_lowercase())
    })
}

/// Returns the content of template.yaml, openapi.yaml and every file in the source directories.
fn sources() -> String {
    let root = Path::new(ROOT);
    let mut pending: Vec<PathBuf> =
        ["src", "crates", "tests", "benches", "template.yaml", "openapi.yaml"].map(|name| root.join(name)).into();
    let mut text = String::new();
    while let Some(path) = pending.pop() {
        if path.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            text.push_str(&fs::read_to_string(path).unwrap_or_default());
        }
    }
    text
}

#[test]
fn every_code_name_in_a_document_exists() {
    let sources = sources();
    let mut missing = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let unknown = names(&text).filter(|name| !sources.contains(name));
        missing.extend(unknown.map(|name| format!("{}: {name}", document.display())));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Readers copy the command from the document, but the tests run [`LAYER_COMMAND`], so the two must be identical.
#[test]
fn the_architecture_document_has_the_layer_command() {
    let words = |text: &str| text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    let architecture = fs::read_to_string(Path::new(ROOT).join("docs/architecture.md")).unwrap();
    assert!(words(&architecture).contains(&words(LAYER_COMMAND)), "the command differs from {LAYER_COMMAND}");
}
