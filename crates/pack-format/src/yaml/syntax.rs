//! Finds characters that are not allowed anywhere in `pack.yaml`, and explains syntax errors.

use saphyr_parser::ScanError;

use super::{emit::emit_quoted, parse::SyntaxProblem};
use crate::{
    Span, Suggestion,
    text::{Characters, CodePoint, remove},
};

/// The maximum nesting depth of collections. The parser does not recurse, but code that walks the nodes does.
pub(super) const MAX_DEPTH: usize = 32;

/// Returns the position at which the author has to fix the error. It is not always the one that the parser reports.
fn position(error: &ScanError, text: &str) -> Span {
    let (line, column) = (error.marker().line(), error.marker().col() + 1);
    let reported = Span { line, column, length: 0 };
    match error.info() {
        // The parser reports the start of the value before the tab, so find the first tab in the indentation from there
        // on.
        info if is_about_tabs(info) => {
            let lines = text.lines().enumerate().skip(line - 1);
            let mut tabs = lines.filter_map(|(index, line)| {
                let indentation = line.len() - line.trim_start_matches(' ').len();
                line[indentation..].starts_with('\t').then_some((index + 1, indentation + 1))
            });
            tabs.next().map_or(reported, |(line, column)| Span { line, column, length: 1 })
        }
        // The parser reports the line after the key, where it gives up looking for `:`.
        info if info.contains("simple key") && column == 1 && line > 1 => Span { line: line - 1, ..reported },
        _ => reported,
    }
}

/// Returns the problem with the first character that is not allowed: one that YAML forbids (YAML 1.2.2, section 5.1), a
/// byte order mark, or a line break that only YAML 1.1 recognizes. After such a line break, some readers may see a key
/// where others see the rest of a comment.
pub(super) fn find_forbidden_character(text: &str) -> Option<SyntaxProblem> {
    let is_forbidden = |char: &char| match char {
        '\n' | '\r' | '\t' => false,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => true,
        _ => char.is_control(),
    };
    let (index, char) = text.char_indices().find(|(_, char)| is_forbidden(char))?;
    let before = text[..index].replace("\r\n", "\n");
    let lines: Vec<&str> = before.split(['\n', '\r']).collect();
    let column = lines.last().map_or(0, |line| line.chars().count()) + 1;
    // Remove the whole run: if only its first character were removed, the next one would take its place.
    let length = text[index..].chars().take_while(is_forbidden).count();
    let span = Span { line: lines.len(), column, length };
    let (code_point, characters) = (CodePoint(char), Characters(length));
    let message = format!(
        "contains the character {code_point} in column {column}, which is not allowed here; remove {characters}"
    );
    Some(SyntaxProblem { span, message, suggestion: Some(remove(length)) })
}

fn is_about_tabs(info: &str) -> bool {
    info.split(' ').any(|word| matches!(word, "tab" | "tabs"))
}

pub(super) fn too_deep() -> String {
    format!("is nested too deeply; at most {MAX_DEPTH} levels are allowed")
}

/// Explains a syntax error, and suggests a fix for the most common ones.
pub(super) fn describe(error: &ScanError, text: &str) -> SyntaxProblem {
    if error.info().contains("unknown anchor") {
        return unquoted_asterisk(error, text);
    }
    if ["escape character", "hexadecimal", "escape code"].iter().any(|words| error.info().contains(words)) {
        return invalid_escape(error, text);
    }
    let advice = match error.info() {
        info if info.contains("recursion limit") => {
            return SyntaxProblem { span: position(error, text), message: too_deep(), suggestion: None };
        }
        info if is_about_tabs(info) => "; indent with spaces",
        info if info.contains("mapping values are not allowed") => {
            "; put a value that contains `: ` in quotes, or indent all keys of a mapping by the same amount"
        }
        info if info.contains("unexpected character") => "; put a value that starts with this character in quotes",
        info if info.contains("quoted scalar") => "; look for a missing or extra quotation mark",
        info if info.contains("simple key expect ':'") => "; write `:` and a space after each key",
        _ => "",
    };
    let message = format!("is not valid YAML ({}){advice}", error.info());
    SyntaxProblem { span: position(error, text), message, suggestion: None }
}

/// Explains an invalid escape in double quotes. If the text is a value, suggests single quotes, in which a backslash is
/// an ordinary character.
fn invalid_escape(error: &ScanError, text: &str) -> SyntaxProblem {
    let is_surrogate = error.info().contains("Unicode");
    let message = if is_surrogate {
        "has an invalid code point after a backslash in double quotes, such as half of a JSON surrogate pair; write \
         the character itself, or put the text in single quotes, in which a backslash is an ordinary character"
    } else {
        "has an invalid escape in double quotes, in which a backslash starts an escape; put the text in single quotes, \
         in which a backslash is an ordinary character"
    };
    let (before, quoted) = split_at_char(text, error.marker().index());
    let content = double_quoted_content(quoted);
    let length = content.map_or(0, |content| content.chars().count() + 2);
    let content = content.filter(|content| is_value(before, &quoted[content.len() + 2..]));
    let replacement = content.map(|content| format!("'{}'", content.replace('\'', "''")));
    let suggestion = replacement.map(|replacement| Suggestion::new("put the text in single quotes", replacement));
    SyntaxProblem { span: Span { length, ..position(error, text) }, message: message.to_owned(), suggestion }
}

fn split_at_char(text: &str, index: usize) -> (&str, &str) {
    text.split_at(text.char_indices().nth(index).map_or(text.len(), |(start, _)| start))
}

/// Returns whether the text between `before` and `after` is the value of a key on the same line, or an item of a list.
/// A key or a whole document would still be invalid in quotes.
fn is_value(before: &str, after: &str) -> bool {
    let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    let is_after_indicator = line.trim_end_matches(' ').ends_with([':', '-', '[', ',']);
    is_after_indicator && !after.trim_start_matches(' ').starts_with(':')
}

/// Returns the content of the double-quoted scalar at the start of `text`, with escapes unresolved. Returns `None` if
/// the closing quote is not on the same line, or if the content contains an escaped quote.
fn double_quoted_content(text: &str) -> Option<&str> {
    let content = text.strip_prefix('"')?.lines().next()?;
    let mut is_escaped = false;
    for (index, char) in content.char_indices() {
        match char {
            '"' if is_escaped => return None,
            '"' => return Some(&content[..index]),
            _ => is_escaped = char == '\\' && !is_escaped,
        }
    }
    None
}

/// Explains text that starts with `*`, such as a glob. Suggests quotes if it is a value.
fn unquoted_asterisk(error: &ScanError, text: &str) -> SyntaxProblem {
    let ends = |char: char| char.is_whitespace() || matches!(char, ',' | '[' | ']' | '{' | '}');
    let (before, rest) = split_at_char(text, error.marker().index());
    let (found, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
    let message = "`*` outside quotes starts an alias, which is not allowed; put text that starts with `*` in quotes, \
                   such as `\"*.example.com\"`";
    let span = Span { length: found.chars().count(), ..position(error, text) };
    let is_value = is_value(before, after) && !found.ends_with(':');
    let suggestion = is_value.then(|| Suggestion::new("put the text in quotes", emit_quoted(found)));
    SyntaxProblem { span, message: message.to_owned(), suggestion }
}
