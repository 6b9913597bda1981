use std::ops::Range;

use saphyr_parser::{Marker, Span as Markers};

use crate::{
    Span,
    text::{Forbidden, scan},
};

/// The characters of a document. The parser's positions are indices into this vector.
pub(super) struct Source(Vec<char>);

impl Source {
    pub(super) fn new(text: &str) -> Self {
        Self(text.chars().collect())
    }

    /// Converts the parser's span for a node into a line, a column and a length.
    pub(super) fn span(&self, node: &Markers) -> Span {
        let (line, column) = (node.start.line(), node.start.col() + 1);
        let is_on_one_line = node.end.line() == line;
        // The parser's span includes the whitespace after a quoted scalar.
        let text = self.text(node.start.index()..node.end.index());
        let blanks = text.iter().rev().take_while(|char| char.is_ascii_whitespace()).count();
        Span { line, column, length: if is_on_one_line { text.len() - blanks } else { 0 } }
    }

    /// Returns the runs of forbidden characters in a scalar's value, with their spans in the file.
    pub(super) fn forbidden(&self, value: &str, scalar: &Markers) -> Vec<(Span, Forbidden)> {
        if value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            return Vec::new();
        }
        let found = scan(value).into_iter();
        found.map(|(index, forbidden)| (self.locate(value, index, forbidden, scalar), forbidden)).collect()
    }

    /// Returns the span of a run of forbidden characters in a scalar's value. If a character in the run may have been
    /// written as an escape, returns the start of the scalar and the length 0.
    fn locate(&self, value: &str, index: usize, forbidden: Forbidden, scalar: &Markers) -> Span {
        let run: Vec<char> = value.chars().skip(index).take(forbidden.length).collect();
        let is_same = |char: &char| *char == forbidden.char;
        let count = value.chars().filter(is_same).count();
        let earlier = value.chars().take(index).filter(is_same).count();
        let written = self.text(scalar.start.index()..scalar.end.index());
        let mut places = written.iter().enumerate().filter(|(_, char)| is_same(char)).map(|(place, _)| place);
        match (places.clone().count() == count, places.nth(earlier)) {
            (true, Some(place)) if written[place..].starts_with(&run) => {
                let (line, column) = position(&written[..place], scalar.start);
                Span { line, column, length: forbidden.length }
            }
            _ => Span { length: 0, ..self.span(scalar) },
        }
    }

    fn text(&self, range: Range<usize>) -> &[char] {
        self.0.get(range).unwrap_or_default()
    }
}

/// Returns the line and column where `text` ends if it starts at `start`. Both are counted from 1.
fn position(text: &[char], start: Marker) -> (usize, usize) {
    let mut position = (start.line(), start.col() + 1);
    for (index, char) in text.iter().enumerate() {
        position = match (char, text.get(index + 1)) {
            ('\r', Some('\n')) => position,
            ('\r' | '\n', _) => (position.0 + 1, 1),
            _ => (position.0, position.1 + 1),
        };
    }
    position
}
