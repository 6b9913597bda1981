use std::{collections::BTreeMap, fmt, ops::Range};

use serde::Serialize;

/// The maximum number of problems listed for one upload. Any others are only counted.
const MAX_LISTED: usize = 50;

pub(super) const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// One thing that is wrong with an upload, shown to its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The part of the request, such as `archive`, or the file and any key, such as `pack.yaml: version`.
    pub field: String,
    /// What is wrong, where, what is allowed, and how to fix it. The message is displayed after `field`, and is
    /// understandable without the location.
    pub message: String,
    /// Where the problem is. `None` if the problem concerns the request or the archive as a whole.
    #[serde(flatten)]
    pub location: Option<Location>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Location {
    /// A file or directory in the pack.
    File {
        /// The path, relative to the directory that contains `pack.yaml`.
        file: String,
        /// The affected part of the file. `None` if the problem concerns the whole file.
        #[serde(flatten)]
        span: Option<Span>,
        #[serde(skip_serializing_if = "Option::is_none")]
        suggestion: Option<Suggestion>,
    },
    /// A line in a file.
    Line {
        /// The path, relative to the directory that contains `pack.yaml`.
        file: String,
        /// The line number, counted from 1.
        line: u64,
    },
    /// A block in the archive, such as a header.
    Archive {
        /// The name of the entry whose header this is, escaped and shortened like [`Escaped`](crate::Escaped). `None`
        /// for an extension header, for a header that cannot be parsed, and for any other block.
        #[serde(skip_serializing_if = "Option::is_none")]
        entry: Option<String>,
        /// The offset of the block in the unpacked tar, in bytes.
        byte: u64,
    },
}

/// Part of a line. Lines and columns are counted from 1, and a column is one character (a Unicode scalar value). A line
/// ends with a line feed, a carriage return, or a carriage return and a line feed. A byte order mark at the start of
/// the file is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    pub line: usize,
    pub column: usize,
    /// The number of characters. 0 if only the position is known or the characters cannot be replaced: for example, if
    /// the problem spans several lines, if something is missing at this position, or if forbidden characters are in a
    /// file that is not valid UTF-8.
    pub length: usize,
}

/// A fix that a program can apply. Applying it removes the problem from the next upload.
///
/// If the location has a [`Span`], [`Suggestion::replacement`] replaces the text in that span. Otherwise, it is the new
/// path of the file or directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// What the fix does, such as ``write `version: "1.10.0"` ``.
    pub description: String,
    pub replacement: String,
}

impl Problem {
    /// Returns a problem with the request or the archive as a whole.
    pub fn new(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { field: field.into(), message: message.to_string(), location: None }
    }

    /// Returns a problem that concerns a whole file or directory.
    pub(super) fn in_file(
        field: impl Into<String>,
        file: &str,
        message: impl fmt::Display,
        suggestion: Option<Suggestion>,
    ) -> Self {
        let location = Location::File { file: file.to_owned(), span: None, suggestion };
        Self { location: Some(location), ..Self::new(field, message) }
    }

    /// Returns a problem that concerns one line of a file. `message` must state the line number.
    pub(super) fn in_line(field: impl Into<String>, file: &str, line: u64, message: impl fmt::Display) -> Self {
        Self { location: Some(Location::Line { file: file.to_owned(), line }), ..Self::new(field, message) }
    }

    /// Returns a problem with part of a file. Its message starts with the line number.
    pub(super) fn in_text(
        field: impl Into<String>,
        file: &str,
        span: Span,
        message: impl fmt::Display,
        suggestion: Option<Suggestion>,
    ) -> Self {
        Self::at(field, file, span, format_args!("line {}: {message}", span.line), suggestion)
    }

    /// Returns a problem with part of a file that is hard to see, such as a hidden character. Its message starts with
    /// the line number and the column.
    pub(super) fn in_column(
        field: impl Into<String>,
        file: &str,
        span: Span,
        message: impl fmt::Display,
        suggestion: Option<Suggestion>,
    ) -> Self {
        let Span { line, column, .. } = span;
        Self::at(field, file, span, format_args!("line {line}, column {column}: {message}"), suggestion)
    }

    fn at(
        field: impl Into<String>,
        file: &str,
        span: Span,
        message: impl fmt::Display,
        suggestion: Option<Suggestion>,
    ) -> Self {
        let location = Location::File { file: file.to_owned(), span: Some(span), suggestion };
        Self { location: Some(location), ..Self::new(field, message) }
    }

    /// Returns a problem with the block at offset `byte` in the unpacked tar. `message` must state the offset.
    pub(super) fn in_archive(
        field: impl Into<String>,
        entry: Option<String>,
        byte: u64,
        message: impl fmt::Display,
    ) -> Self {
        Self { location: Some(Location::Archive { entry, byte }), ..Self::new(field, message) }
    }
}

impl Span {
    /// Returns the byte range that the span covers in `text`. `text` must be the complete content of the file that the
    /// span refers to, including any byte order mark.
    pub fn bytes(self, text: &str) -> Range<usize> {
        let mut line = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        for _ in 1..self.line {
            let end = text[line..].find(['\n', '\r']).map_or(text.len(), |length| line + length);
            line = if text[end..].starts_with("\r\n") { end + 2 } else { (end + 1).min(text.len()) };
        }
        let nth =
            |from: usize, count| text[from..].char_indices().nth(count).map_or(text.len(), |(length, _)| from + length);
        let start = nth(line, self.column.saturating_sub(1));
        start..nth(start, self.length)
    }
}

impl Suggestion {
    pub(super) fn new(description: impl Into<String>, replacement: impl Into<String>) -> Self {
        Self { description: description.into(), replacement: replacement.into() }
    }
}

/// The problems with one upload: the first 50, in the order they were found, and the number of any others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    unlisted: usize,
}

impl Problems {
    /// Adds a problem with the request or the archive as a whole.
    pub fn add(&mut self, field: impl Into<String>, message: impl fmt::Display) {
        self.push(Problem::new(field, message));
    }

    /// Lists a problem, or counts it if the list is full. Ignores it if a problem with the same field and message is
    /// already listed.
    pub fn push(&mut self, problem: Problem) {
        if self.listed.iter().any(|listed| listed.field == problem.field && listed.message == problem.message) {
            return;
        }
        if self.listed.len() < MAX_LISTED { self.listed.push(problem) } else { self.unlisted += 1 }
    }

    /// Adds the listed problems of `other`, and counts its unlisted ones.
    pub fn append(&mut self, other: Self) {
        for problem in other.listed {
            self.push(problem);
        }
        self.unlisted += other.unlisted;
    }

    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }

    pub fn unlisted(&self) -> usize {
        self.unlisted
    }

    /// Returns the messages of the listed problems, grouped by field.
    pub fn by_field(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for problem in &self.listed {
            fields.entry(&problem.field).or_default().push(&problem.message);
        }
        fields
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.listed.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", problem.field, problem.message)?;
        }
        if self.unlisted > 0 {
            write!(f, "; and {} more", self.unlisted)?;
        }
        Ok(())
    }
}
