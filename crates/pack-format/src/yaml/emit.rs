use std::fmt::Write as _;

use super::{Node, Scalar, ScalarType, Value};

/// Returns a node as YAML in block style.
///
/// - Text is in double quotes, except words and paths, such as `/v1/*`, that all YAML readers treat as text without
///   quotes.
/// - Whole numbers with a leading zero, such as `010`, are also in double quotes, because YAML 1.1 readers may treat
///   them as octal.
/// - An empty value is written as `null`, and any other scalar as the author wrote it.
pub(crate) fn emit(node: &Node) -> String {
    let mut text = String::new();
    block(&mut text, node, 0);
    text
}

/// Returns text as a YAML scalar on one line, with double quotes in the same cases as in [`emit`].
pub(crate) fn emit_text(content: &str) -> String {
    let mut text = String::new();
    scalar(&mut text, &Scalar::quoted(content.to_owned()));
    text
}

pub(super) fn emit_quoted(content: &str) -> String {
    let mut text = String::new();
    quoted(&mut text, content);
    text
}

/// Writes a node and a line break. The first line continues the last line of `text`. All other lines are indented by at
/// least `column` spaces.
fn block(text: &mut String, node: &Node, column: usize) {
    match &node.value {
        Value::Sequence(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                indent(text, if index == 0 { 0 } else { column });
                text.push_str("- ");
                block(text, item, column + 2);
            }
        }
        Value::Mapping(pairs) if !pairs.is_empty() => {
            for (index, pair) in pairs.iter().enumerate() {
                indent(text, if index == 0 { 0 } else { column });
                scalar(text, &pair.key);
                if pair.value.is_on_one_line() {
                    text.push_str(": ");
                } else {
                    text.push_str(":\n");
                    indent(text, column + 2);
                }
                block(text, &pair.value, column + 2);
            }
        }
        Value::Sequence(_) => text.push_str("[]\n"),
        Value::Mapping(_) => text.push_str("{}\n"),
        Value::Scalar(value) => {
            scalar(text, value);
            text.push('\n');
        }
        Value::Rejected => text.push_str("null\n"),
    }
}

impl Node {
    fn is_on_one_line(&self) -> bool {
        match &self.value {
            Value::Sequence(items) => items.is_empty(),
            Value::Mapping(pairs) => pairs.is_empty(),
            Value::Scalar(_) | Value::Rejected => true,
        }
    }
}

fn indent(text: &mut String, columns: usize) {
    text.extend(std::iter::repeat_n(' ', columns));
}

fn scalar(text: &mut String, scalar: &Scalar) {
    match scalar.scalar_type {
        ScalarType::Text if is_plain(&scalar.text) => text.push_str(&scalar.text),
        ScalarType::Text => quoted(text, &scalar.text),
        ScalarType::Null if scalar.text.is_empty() => text.push_str("null"),
        ScalarType::Number if super::schema::is_another_number_in_1_1(&scalar.text) => quoted(text, &scalar.text),
        _ => text.push_str(&scalar.text),
    }
}

/// Returns whether all YAML readers treat this as text even without quotes. May return `false` for text that is safe
/// without quotes; the only effect is unnecessary quotes.
fn is_plain(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '_' | '/'))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'.' | b'-' | b'*'))
        && super::schema::resolve(text) == ScalarType::Text
        && super::schema::resolve_1_1(text).is_none()
}

/// Writes text in double quotes, using only escapes that are also valid in JSON.
fn quoted(text: &mut String, content: &str) {
    text.push('"');
    for char in content.chars() {
        match char {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // Characters that YAML 1.1 treats as line breaks, the byte order mark, and the two noncharacters that YAML
            // does not allow.
            '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => escaped(text, char),
            _ if char.is_control() => escaped(text, char),
            _ => text.push(char),
        }
    }
    text.push('"');
}

fn escaped(text: &mut String, char: char) {
    write!(text, "\\u{:04X}", u32::from(char)).expect("writing to a String never fails");
}
