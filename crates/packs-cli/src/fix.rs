//! Applies suggestions to the files in a pack's directory.

use std::{collections::BTreeMap, fs, path::Path};

use pack_format::{Location, Problem, Span, Suggestion};

use crate::error::Error;

/// A suggestion that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    pub file: String,
    pub span: Option<Span>,
    pub description: String,
}

/// Applies the suggestions to the files in `root`. Returns the fixes made.
///
/// Applies the suggestions for a file from its end to its start, and skips one that overlaps a suggestion already
/// applied. Also skips a suggestion to rename a file or directory if the new path already exists.
pub fn apply(root: &Path, problems: &[Problem]) -> Result<Vec<Fix>, Error> {
    let mut edits: BTreeMap<&str, Vec<(Span, &Suggestion)>> = BTreeMap::new();
    let mut renames: Vec<(&str, &Suggestion)> = Vec::new();
    for problem in problems {
        match &problem.location {
            Some(Location::File { file, span: Some(span), suggestion: Some(suggestion) }) => {
                edits.entry(file).or_default().push((*span, suggestion));
            }
            Some(Location::File { file, span: None, suggestion: Some(suggestion) }) => renames.push((file, suggestion)),
            Some(Location::File { suggestion: None, .. } | Location::Line { .. } | Location::Archive { .. }) | None => {
            }
        }
    }
    let mut fixes = Vec::new();
    for (file, edits) in edits {
        fixes.extend(edit(root, file, edits)?);
    }
    for (file, suggestion) in renames {
        fixes.extend(rename(root, file, suggestion)?);
    }
    Ok(fixes)
}

fn edit(root: &Path, file: &str, mut edits: Vec<(Span, &Suggestion)>) -> Result<Vec<Fix>, Error> {
    let path = root.join(file);
    let mut text = fs::read_to_string(&path).map_err(Error::read(&path))?;
    edits.sort_by_key(|(span, _)| (span.line, span.column));
    let mut fixes = Vec::new();
    // Work from the end of the file, so that no edit moves the text of the next one.
    let mut end = text.len();
    for (span, suggestion) in edits.into_iter().rev() {
        let range = span.bytes(&text);
        // Skip a suggestion that overlaps one already applied: two problems may suggest replacing the same text.
        if range.end > end {
            continue;
        }
        end = range.start;
        text.replace_range(range, &suggestion.replacement);
        fixes.push(Fix::new(file, Some(span), suggestion));
    }
    fs::write(&path, text).map_err(Error::write(&path))?;
    fixes.reverse();
    Ok(fixes)
}

fn rename(root: &Path, file: &str, suggestion: &Suggestion) -> Result<Option<Fix>, Error> {
    let (from, to) = (root.join(file), root.join(&suggestion.replacement));
    if fs::symlink_metadata(&to).is_ok() {
        return Ok(None);
    }
    fs::rename(&from, &to).map_err(Error::write(&to))?;
    Ok(Some(Fix::new(file, None, suggestion)))
}

impl Fix {
    fn new(file: &str, span: Option<Span>, suggestion: &Suggestion) -> Self {
        Self { file: file.to_owned(), span, description: suggestion.description.clone() }
    }
}
