use std::fmt::{self, Write as _};

use crate::text::is_invisible;

/// The number of characters to keep. Any others are cut off.
const MAX_LENGTH: usize = 100;

/// A string from a client, displayed in backticks, escaped and shortened like [`Escaped`]. An empty string is displayed
/// as `""`.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(Escaped<'a>);

/// A string from a client, escaped and truncated after 100 characters, so that it is safe to show in messages.
///
/// Escapes bytes that are not UTF-8, control and format characters, other invisible characters, and whitespace other
/// than a space. Also escapes backslashes and backticks, so that the string cannot imitate an escape sequence or close
/// its own backticks.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(&'a [u8]);

impl<'a> Quoted<'a> {
    pub fn new(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self(Escaped::new(text))
    }
}

impl<'a> Escaped<'a> {
    pub fn new(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self(text.as_ref())
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.0.is_empty() { f.write_str("`\"\"`") } else { write!(f, "`{}`", self.0) }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut length = 0;
        for chunk in self.0.utf8_chunks() {
            for char in chunk.valid().chars() {
                if length == MAX_LENGTH {
                    return f.write_char('…');
                }
                length += 1;
                match char {
                    '`' | '\\' => write!(f, "\\{char}")?,
                    '\n' | '\r' | '\t' => write!(f, "{}", char.escape_default())?,
                    _ if is_invisible(char) => write!(f, "{}", char.escape_unicode())?,
                    _ => f.write_char(char)?,
                }
            }
            for byte in chunk.invalid() {
                if length == MAX_LENGTH {
                    return f.write_char('…');
                }
                length += 1;
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}
