//! Finds characters that are not allowed in YAML, and explains syntax errors.

use saphyr_parser::ScanError;

use crate::text::code_point;

/// The maximum nesting depth of collections. The parser does not recurse, but the code that walks the nodes does.
pub(super) const MAX_DEPTH: usize = 32;

/// Returns the line that the author has to fix, which is not always the line that the parser reports.
pub(super) fn line_of(error: &ScanError, text: &str) -> usize {
    let line = error.marker().line();
    match error.info() {
        // The parser reports where the value before the tab starts.
        info if is_about_tabs(info) => {
            let is_indented_by_tab = |line: &str| line.trim_start_matches(' ').starts_with('\t');
            line + text.lines().skip(line.saturating_sub(1)).position(is_indented_by_tab).unwrap_or(0)
        }
        // The parser reports the line after the key, where it stopped looking for `:`.
        info if info.contains("simple key") && error.marker().col() == 0 => line.saturating_sub(1).max(1),
        _ => line,
    }
}

/// Finds the first forbidden character. Returns its line and the problem.
///
/// A character is forbidden if YAML does not allow it (YAML 1.2.2, section 5.1), if it is a byte order mark, or if only
/// YAML 1.1 readers treat it as a line break. After such a line break, one reader may see a key where another still
/// sees a comment.
pub(super) fn find_forbidden_character(text: &str) -> Option<(usize, String)> {
    let is_forbidden = |char: &char| match char {
        '\n' | '\r' | '\t' => false,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => true,
        _ => char.is_control(),
    };
    let (index, char) = text.char_indices().find(|(_, char)| is_forbidden(char))?;
    let line = text[..index].replace("\r\n", "\n").chars().filter(|char| matches!(char, '\n' | '\r')).count() + 1;
    Some((line, format!("contains the character {}, which is not allowed here; remove it", code_point(char))))
}

fn is_about_tabs(info: &str) -> bool {
    info.split(' ').any(|word| matches!(word, "tab" | "tabs"))
}

pub(super) fn too_deep() -> String {
    format!("is nested too deeply; at most {MAX_DEPTH} levels are allowed")
}

/// Returns the parser's message, with a fix for the most common errors.
pub(super) fn describe(error: &ScanError) -> String {
    let suggestion = match error.info() {
        info if info.contains("unknown anchor") => {
            return "`*` outside quotes starts an alias, which is not allowed; put text that starts with `*` in quotes, \
                    such as `\"*.example.com\"`"
                .to_owned();
        }
        info if info.contains("recursion limit") => return too_deep(),
        info if is_about_tabs(info) => "; indent with spaces",
        info if info.contains("mapping values are not allowed") => {
            "; put a value that contains `: ` in quotes, or indent all keys of a mapping by the same amount"
        }
        info if info.contains("unexpected character") => "; put a value that starts with this character in quotes",
        info if info.contains("quoted scalar") => "; look for a missing or extra quotation mark",
        info if info.contains("simple key expect ':'") => "; write `:` and a space after each key",
        _ => "",
    };
    format!("is not valid YAML ({}){suggestion}", error.info())
}
