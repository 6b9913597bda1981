use memchr::memchr_iter;

use crate::{
    Limits,
    text::{Forbidden, is_line_break_or_tab, scan},
};

/// Why a name is not a valid path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidPath {
    #[error("has an empty name")]
    Empty,
    #[error("has a name that is not UTF-8; rename it")]
    NotUtf8,
    #[error("has an absolute name; names must be relative to the pack's directory")]
    Absolute,
    #[error("has `..` in its name, which is not allowed")]
    Parent,
    #[error("has a backslash in its name, which is a separator on Windows; use `/`")]
    Backslash,
    #[error("has a drive letter in its name; names must be relative to the pack's directory")]
    Drive,
    #[error("has a name that contains {0}; rename it")]
    Character(Forbidden),
    #[error("has a component in its name that starts or ends with whitespace; rename it")]
    Blank,
    #[error("has a component in its name that ends with a dot; rename it")]
    TrailingDot,
    #[error(
        "has a component in its name that starts with `.wh.`, which tells container runtimes to delete another file; \
         rename it"
    )]
    Whiteout,
    #[error("has a name of {bytes} bytes; at most {limit} are allowed (limit `path_bytes`)")]
    TooLong { bytes: usize, limit: u64 },
    #[error("has a name of {depth} components; at most {limit} are allowed (limit `path_depth`)")]
    TooDeep { depth: usize, limit: u64 },
    #[error("has a component of {bytes} bytes in its name; at most {limit} are allowed (limit `component_bytes`)")]
    ComponentTooLong { bytes: usize, limit: u64 },
}

/// Parses a name into a path relative to the archive's root, or `None` for the root itself. Drops empty and `.`
/// components, as tar readers do.
///
/// # Errors
/// Returns all problems with the name. If the name is not UTF-8, that is the only one. If the name is too long, its
/// components and characters are not checked.
pub(super) fn parse(name: &[u8], limits: &Limits) -> Result<Option<String>, Vec<InvalidPath>> {
    if is_root(name) {
        return Ok(None);
    }
    let Ok(text) = str::from_utf8(name) else { return Err(vec![InvalidPath::NotUtf8]) };
    let mut path = String::with_capacity(text.len());
    for component in text.split('/').filter(|component| !matches!(*component, "" | ".")) {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(component);
    }
    let mut problems = check(&path, limits);
    if text.starts_with('/') {
        problems.insert(0, InvalidPath::Absolute);
    }
    if problems.is_empty() { Ok(Some(path)) } else { Err(problems) }
}

/// Returns whether tar readers treat this name, such as `./` or `/`, as the directory to extract into.
fn is_root(name: &[u8]) -> bool {
    !name.is_empty() && name.split(|byte| *byte == b'/').all(|component| matches!(component, b"" | b"."))
}

fn check(path: &str, limits: &Limits) -> Vec<InvalidPath> {
    if path.is_empty() {
        return vec![InvalidPath::Empty];
    }
    // Stop here: a name in an extension header can be many times longer than the limit.
    if path.len() as u64 > limits.path_bytes {
        return vec![InvalidPath::TooLong { bytes: path.len(), limit: limits.path_bytes }];
    }
    let mut problems = Vec::new();
    let components = path.split('/').flat_map(|component| check_component(component, limits));
    for problem in components.chain(check_characters(path)) {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    let depth = 1 + memchr_iter(b'/', path.as_bytes()).count();
    if depth as u64 > limits.path_depth {
        problems.push(InvalidPath::TooDeep { depth, limit: limits.path_depth });
    }
    problems
}

fn check_component(component: &str, limits: &Limits) -> Vec<InvalidPath> {
    match component {
        ".." => return vec![InvalidPath::Parent],
        // macOS stores the attributes of `.` in an entry with this name. Accept the trailing dot, because the tree
        // builder drops the entry.
        "._." => return Vec::new(),
        _ => {}
    }
    let mut problems = Vec::new();
    // Check every component, not only the first: stripping a wrapping directory makes the second one the first.
    if let [letter, b':', ..] = component.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        problems.push(InvalidPath::Drive);
    }
    if component.trim() != component {
        problems.push(InvalidPath::Blank);
    }
    if component.ends_with('.') {
        problems.push(InvalidPath::TrailingDot);
    }
    // Container runtimes treat a file with such a name as a whiteout (OCI image spec, "Whiteouts").
    if component.starts_with(".wh.") {
        problems.push(InvalidPath::Whiteout);
    }
    if component.len() as u64 > limits.component_bytes {
        let bytes = component.len();
        problems.push(InvalidPath::ComponentTooLong { bytes, limit: limits.component_bytes });
    }
    problems
}

fn check_characters(path: &str) -> Vec<InvalidPath> {
    // Almost every path contains only these characters.
    if path.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
        return Vec::new();
    }
    let backslash = path.contains('\\').then_some(InvalidPath::Backslash);
    let line_breaks = path.chars().filter(|char| is_line_break_or_tab(*char)).map(Forbidden::line_break);
    let forbidden = scan(path).into_iter().map(|(_, forbidden)| forbidden);
    backslash.into_iter().chain(line_breaks.chain(forbidden).map(InvalidPath::Character)).collect()
}
