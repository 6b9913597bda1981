//! Applies suggestions to the files of a pack, as an author's tool would, and asserts that they fix the problems.

use std::ops::{Range, RangeInclusive};

use pack_format::{Location, Problem, Problems, Span, Suggestion};

/// The files of a pack, each with its path and content. A path that ends with `/` is a directory.
pub type Files = Vec<(String, Vec<u8>)>;

/// A suggestion and the place where it applies.
#[derive(Debug)]
struct Fix<'a> {
    file: &'a str,
    span: Option<Span>,
    /// The offsets of the text that the suggestion replaces, in bytes. Empty for a rename.
    replaced: Range<usize>,
    suggestion: &'a Suggestion,
}

/// Applies each suggestion on its own, then all of them together, and validates each result with `validate`.
///
/// # Panics
/// Panics if a suggestion does not fix its problem, or if its replacement causes a new problem in the same place.
pub(crate) fn assert_fixes(files: &[(&str, &[u8])], problems: &Problems, validate: impl Fn(&Files) -> Vec<Problem>) {
    let files = owned(files);
    let fixable: Vec<(&Problem, Fix<'_>)> =
        problems.listed().iter().filter_map(|problem| Some((problem, fix(problem, &files)?))).collect();
    for (problem, fix) in &fixable {
        let fixed = apply(&files, &[fix]);
        for found in validate(&fixed) {
            assert!(!is_left(problem, &found, &fixed, fix, &[fix]), "{fix:?} does not fix it: {found:?}");
            let is_new = problems.listed().iter().all(|problem| problem.message != found.message);
            let is_same_thing = found.field == problem.field && is_at(&found, &fixed, fix);
            assert!(!(is_new && is_same_thing), "{fix:?} leads to {found:?}");
        }
    }
    let fixes: Vec<&Fix<'_>> = fixable.iter().map(|(_, fix)| fix).collect();
    let fixed = apply(&files, &fixes);
    for found in validate(&fixed) {
        for (problem, fix) in &fixable {
            let is_left = is_left(problem, &found, &fixed, fix, &fixes);
            assert!(!is_left, "all fixes together leave {found:?}");
        }
    }
}

/// Returns the files with all suggestions in `problems` applied.
pub fn apply_all(files: &[(&str, &[u8])], problems: &Problems) -> Files {
    let files = owned(files);
    let fixes: Vec<Fix<'_>> = problems.listed().iter().filter_map(|problem| fix(problem, &files)).collect();
    apply(&files, &fixes.iter().collect::<Vec<_>>())
}

fn owned(files: &[(&str, &[u8])]) -> Files {
    files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect()
}

fn fix<'a>(problem: &'a Problem, files: &Files) -> Option<Fix<'a>> {
    let Some(Location::File { file, span, suggestion: Some(suggestion) }) = &problem.location else { return None };
    let replaced = span.map_or(0..0, |span| range(files, file, span));
    Some(Fix { file, span: *span, replaced, suggestion })
}

/// Returns whether a problem in the `fixed` files concerns the text that a fix replaced or the file that it renamed. If
/// the fix removed text, the problem counts only if it suggests removing more.
///
/// Compares offsets rather than lines, because removing the text between a carriage return and a line feed joins two
/// line breaks.
fn is_at(problem: &Problem, fixed: &Files, fix: &Fix<'_>) -> bool {
    let Some(Location::File { file, span, suggestion }) = &problem.location else { return false };
    match (fix.span, span) {
        (Some(_), Some(span)) => {
            let is_removal = |suggestion: &Suggestion| suggestion.replacement.is_empty();
            let concerns_it = !is_removal(fix.suggestion) || suggestion.as_ref().is_some_and(is_removal);
            let is_same_place = file == fix.file && range(fixed, file, *span).start == fix.replaced.start;
            is_same_place && span.length > 0 && concerns_it
        }
        (None, None) => *file == fix.suggestion.replacement,
        _ => false,
    }
}

/// Returns whether `found`, a problem in the `fixed` files, is the `problem` that `fix` should have fixed. `fixes`
/// contains all fixes that were applied.
///
/// Comparing messages is not enough: removing text between a carriage return and a line feed changes the numbers of the
/// lines after it, so another problem can then have the message that the fixed problem had.
fn is_left(problem: &Problem, found: &Problem, fixed: &Files, fix: &Fix<'_>, fixes: &[&Fix<'_>]) -> bool {
    let is_in_replacement = match (fix.span, &found.location) {
        (Some(_), Some(Location::File { file, span: Some(span), .. })) => {
            file == fix.file && replacement(fix, fixes).contains(&range(fixed, file, *span).start)
        }
        _ => true,
    };
    found.message == problem.message && is_in_replacement
}

/// Returns the offsets where the replacement of `fix` starts and ends after `fixes` were applied, in bytes.
fn replacement(fix: &Fix<'_>, fixes: &[&Fix<'_>]) -> RangeInclusive<usize> {
    let before = fixes.iter().filter(|other| other.file == fix.file && other.replaced.start < fix.replaced.start);
    let (added, removed) = before.fold((0, 0), |(added, removed), other| {
        (added + other.suggestion.replacement.len(), removed + other.replaced.len())
    });
    let start = fix.replaced.start + added - removed;
    start..=start + fix.suggestion.replacement.len()
}

/// Returns the range of a span in a file, in bytes. The file must be UTF-8, as any file with a suggestion is.
fn range(files: &Files, file: &str, span: Span) -> Range<usize> {
    let (_, content) = files.iter().find(|(path, _)| is_file(path, file)).unwrap();
    span.bytes(str::from_utf8(content).unwrap())
}

/// Applies the fixes from the last to the first, so that no fix moves the text that another fix replaces.
fn apply(files: &Files, fixes: &[&Fix<'_>]) -> Files {
    let mut files = files.clone();
    let mut fixes = fixes.to_vec();
    fixes.sort_by_key(|fix| fix.span.map(|span| (span.line, span.column)));
    for fix in fixes.into_iter().rev() {
        for (path, content) in &mut files {
            match fix.span {
                Some(span) if is_file(path, fix.file) => replace(content, span, &fix.suggestion.replacement),
                Some(_) => {}
                None => rename(path, fix.file, &fix.suggestion.replacement),
            }
        }
    }
    files
}

/// Returns whether `path` is `file`, or `file` in a wrapping directory.
fn is_file(path: &str, file: &str) -> bool {
    path == file || path.split_once('/').is_some_and(|(_, path)| path == file)
}

/// Changes `from` to `to` in a path that equals `from` or is inside `from`. The path may start with a wrapping
/// directory.
fn rename(path: &mut String, from: &str, to: &str) {
    let (wrapper, rest) = match path.split_once('/') {
        Some((wrapper, rest)) if wrapper != from && (rest == from || rest.starts_with(&format!("{from}/"))) => {
            (format!("{wrapper}/"), rest)
        }
        _ => (String::new(), path.as_str()),
    };
    if let Some(below) = rest.strip_prefix(from).filter(|below| below.is_empty() || below.starts_with('/')) {
        *path = format!("{wrapper}{to}{below}");
    }
}

fn replace(content: &mut Vec<u8>, span: Span, replacement: &str) {
    let mut text = String::from_utf8(std::mem::take(content)).unwrap();
    let range = span.bytes(&text);
    let replaced = &text[range.clone()];
    assert!(!replaced.contains(['\n', '\r']), "{span:?} has several lines: {replaced:?}");
    text.replace_range(range, replacement);
    *content = text.into_bytes();
}
