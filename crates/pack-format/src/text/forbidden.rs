use std::fmt;

use super::{name::name, property::is_bidirectional_control};
use crate::{Problem, Span, Suggestion};

/// A run of characters that are not allowed in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forbidden {
    /// The first character.
    pub(crate) char: char,
    /// Why the first character is not allowed.
    pub(crate) reason: Reason,
    /// The number of characters.
    pub(crate) length: usize,
}

/// Why a character is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Control,
    LineBreak,
    /// The character can change the order in which text is displayed.
    Bidirectional,
    /// The character is invisible, so it can hide instructions.
    Invisible,
    /// A joiner or variation selector where it has no effect.
    OutOfPlace,
    /// Tag characters that are not part of a flag. They can spell out hidden ASCII text.
    Tags,
}

impl Reason {
    /// Returns why the character is forbidden everywhere, or `None` if it is allowed in at least some contexts.
    pub(super) fn without_context(char: char) -> Option<Self> {
        match char {
            '\n' | '\r' | '\t' => None,
            _ if char.is_control() => Some(Self::Control),
            _ if is_bidirectional_control(char) => Some(Self::Bidirectional),
            '\u{115F}'
            | '\u{1160}'
            | '\u{180E}'
            | '\u{200B}'
            | '\u{2060}'..='\u{2064}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}' => Some(Self::Invisible),
            _ => None,
        }
    }
}

impl Forbidden {
    /// Returns a run of one line break or tab, which is forbidden in text that must be a single line.
    pub(crate) fn line_break(char: char) -> Self {
        let reason = if char.is_control() { Reason::Control } else { Reason::LineBreak };
        Self { char, reason, length: 1 }
    }

    /// Returns the problem with these characters in a file. Suggests removing them if `span` covers exactly these
    /// characters.
    pub(crate) fn in_text(self, field: &str, file: &str, span: Span) -> Problem {
        let suggestion = (span.length == self.length).then(|| remove(self.length));
        let characters = Characters(self.length);
        Problem::in_column(field, file, span, format_args!("contains {self}; remove {characters}"), suggestion)
    }
}

pub(crate) fn remove(length: usize) -> Suggestion {
    Suggestion::new(if length == 1 { "remove the character" } else { "remove the characters" }, "")
}

/// The length of a run of characters, displayed as a phrase such as `it` or `it and the 2 characters after it`. The
/// message must name the first character before this phrase.
pub(crate) struct Characters(pub(crate) usize);

impl fmt::Display for Characters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("it"),
            2 => f.write_str("it and the character after it"),
            length => write!(f, "it and the {} characters after it", length - 1),
        }
    }
}

/// Displays the first character and the reason, such as `U+200B ZERO WIDTH SPACE, which is invisible`.
impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { char, reason, .. } = *self;
        let code_point = CodePoint(char);
        match reason {
            Reason::Control => write!(f, "the control character {code_point}"),
            Reason::LineBreak => write!(f, "{code_point}, which is a line break"),
            Reason::Bidirectional => {
                write!(f, "{code_point}, which changes the order in which text is displayed")
            }
            Reason::Invisible => write!(f, "{code_point}, which is invisible"),
            Reason::OutOfPlace => {
                write!(
                    f,
                    "{code_point}, which is invisible and has no effect here: no script or emoji sequence uses it"
                )
            }
            Reason::Tags => write!(
                f,
                "{code_point}, which is invisible and allowed only in the flags of England, Scotland and Wales"
            ),
        }
    }
}

/// A code point, displayed with its name, such as `U+202E RIGHT-TO-LEFT OVERRIDE`.
pub(crate) struct CodePoint(pub(crate) char);

impl fmt::Display for CodePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))?;
        name(self.0).map_or(Ok(()), |name| write!(f, " {name}"))
    }
}
