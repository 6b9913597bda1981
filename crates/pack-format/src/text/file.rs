use std::io::{self, Read};

use super::scanner::Scanner;
use crate::{Problem, Span, problem::BYTE_ORDER_MARK};

/// The first invalid byte in a file that must be UTF-8, and its position.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("contains the byte 0x{byte:02X}, which is not valid UTF-8 here; save the file as UTF-8")]
pub(crate) struct NotUtf8 {
    position: Position,
    byte: u8,
}

impl NotUtf8 {
    /// Returns the problem to report for this byte. `file` must be at the top of the pack, so that its path is also the
    /// problem's field.
    pub(crate) fn in_file(&self, file: &str) -> Problem {
        Problem::in_text(file, file, self.position.span(0), self, None)
    }
}

/// Converts a file's content to a string. Returns an error for the first byte that is not valid UTF-8.
pub(crate) fn utf8(content: &[u8]) -> Result<&str, NotUtf8> {
    str::from_utf8(content).map_err(|error| {
        let mut position = Position::default();
        let (text, rest) = content.split_at(error.valid_up_to());
        for char in String::from_utf8_lossy(text).chars() {
            position.advance(char);
        }
        NotUtf8 { position, byte: rest[0] }
    })
}

/// Returns the problems with the characters in a file at the top of the pack. The file must be UTF-8 without forbidden
/// characters. Stops at the first byte that is not valid UTF-8. Memory use does not depend on the file's size.
pub(crate) fn check_file(file: &str, mut content: impl Read) -> io::Result<Vec<Problem>> {
    let mut scanner = Scanner::default();
    let mut position = Position::default();
    let mut chunk = vec![0; 8 << 10];
    // The number of bytes at the start of `chunk` that are left over from the previous read: an incomplete character.
    let mut held = 0;
    let not_utf8 = loop {
        let read = content.read(&mut chunk[held..])?;
        let end = held + read;
        let error = str::from_utf8(&chunk[..end]).err();
        let valid = error.map_or(end, |error| error.valid_up_to());
        for char in String::from_utf8_lossy(&chunk[..valid]).chars() {
            scanner.push(position, char);
            position.advance(char);
        }
        match error {
            Some(error) if read == 0 || error.error_len().is_some() => {
                break Some(NotUtf8 { position, byte: chunk[valid] });
            }
            None if read == 0 => break None,
            _ => {
                chunk.copy_within(valid..end, 0);
                held = end - valid;
            }
        }
    };
    let mut problems = Vec::new();
    for (position, forbidden) in scanner.finish() {
        problems.push(if position == Position::default() && forbidden.char == BYTE_ORDER_MARK {
            let message = "starts with a byte order mark (U+FEFF); save the file as UTF-8 without it";
            Problem::in_file(file, file, message, None)
        } else {
            // A length of 0 omits the suggestion. A file that is not UTF-8 cannot be edited as text.
            let length = if not_utf8.is_some() { 0 } else { forbidden.length };
            forbidden.in_text(file, file, position.span(length))
        });
    }
    problems.extend(not_utf8.map(|error| error.in_file(file)));
    Ok(problems)
}

/// A position in a file, counted as in [`Span`] except that lines and columns start at 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Position {
    line: usize,
    column: usize,
    /// The character before this position, if any.
    previous: Option<char>,
}

impl Position {
    fn advance(&mut self, char: char) {
        match (self.previous, char) {
            (None, BYTE_ORDER_MARK) | (Some('\r'), '\n') => {}
            (_, '\n' | '\r') => (self.line, self.column) = (self.line + 1, 0),
            _ => self.column += 1,
        }
        self.previous = Some(char);
    }

    fn span(self, length: usize) -> Span {
        Span { line: self.line + 1, column: self.column + 1, length }
    }
}
