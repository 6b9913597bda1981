//! What keeps a text from being read as YAML at all, in words for its author.

use saphyr_parser::ScanError;

use crate::text::code_point;

/// How deeply collections may be nested. The parser itself does not recurse; what walks its nodes does.
pub(super) const MAX_DEPTH: usize = 32;

/// The line to look at, which is not always the one where the parser was.
pub(super) fn line_of(error: &ScanError, text: &str) -> usize {
    let line = error.marker().line();
    match error.info() {
        // It was where the value before the tab begins.
        info if is_about_tabs(info) => {
            let is_indented_by_tab = |line: &str| line.trim_start_matches(' ').starts_with('\t');
            line + text.lines().skip(line.saturating_sub(1)).position(is_indented_by_tab).unwrap_or(0)
        }
        // It had gone past the key's line in search of the `:`.
        info if info.contains("simple key") && error.marker().col() == 0 => line.saturating_sub(1).max(1),
        _ => line,
    }
}

/// The first character that YAML may not hold (YAML 1.2.2, section 5.1), or that only readers of YAML 1.1 take for a line
/// break, so that a comment to one of them is a key to the other.
pub(super) fn unreadable(text: &str) -> Option<(usize, String)> {
    let is_refused = |char: &char| match char {
        '\n' | '\r' | '\t' => false,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => true,
        _ => char.is_control(),
    };
    let (index, char) = text.char_indices().find(|(_, char)| is_refused(char))?;
    let line = text[..index].replace("\r\n", "\n").chars().filter(|char| matches!(char, '\n' | '\r')).count() + 1;
    Some((line, format!("holds the character {}, which YAML does not allow here", code_point(char))))
}

fn is_about_tabs(info: &str) -> bool {
    info.split(' ').any(|word| matches!(word, "tab" | "tabs"))
}

pub(super) fn too_deep() -> String {
    format!("is nested too deeply; at most {MAX_DEPTH} levels are allowed")
}

/// The parser's error in words for the author, with the mend for those that everybody makes.
pub(super) fn describe(error: &ScanError) -> String {
    let mend = match error.info() {
        info if info.contains("unknown anchor") => {
            return "`*` outside of quotes begins an alias, which is not allowed: put text that begins with `*` in \
                    quotes, such as `\"*.example.com\"`"
                .to_owned();
        }
        info if info.contains("recursion limit") => return too_deep(),
        info if is_about_tabs(info) => ": indent with spaces",
        info if info.contains("mapping values are not allowed") => {
            ": put a value that holds `: ` in quotes, and indent keys of one mapping alike"
        }
        info if info.contains("unexpected character") => ": put a value that begins with it in quotes",
        info if info.contains("quoted scalar") => ": look for a quotation mark that is missing or too many",
        info if info.contains("simple key expect ':'") => ": a key is followed by `:` and a blank",
        _ => "",
    };
    format!("is not valid YAML ({}){mend}", error.info())
}
