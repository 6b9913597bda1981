use pack_format::{Location, Problem, Span, Suggestion, Warning};
use serde_json::{Value, json};

use crate::source::Source;

/// Returns a SARIF log (SARIF 2.1.0) with one run.
pub(super) fn log(source: &Source, problems: &[Problem], warnings: &[Warning]) -> Value {
    let problems = problems.iter().map(|problem| {
        let mut result = result("problem", "error", &problem.field, &problem.message);
        let (file, region) = match &problem.location {
            Some(Location::File { file, span, suggestion }) => {
                if let (Some(span), Some(suggestion)) = (span, suggestion) {
                    result["fixes"] = json!([fix(source, file, *span, suggestion)]);
                }
                (file.as_str(), span.map(region))
            }
            Some(Location::Line { file, line }) => (file.as_str(), Some(json!({ "startLine": line }))),
            Some(Location::Archive { .. }) | None => ("pack.yaml", None),
        };
        result["locations"] = json!([{ "physicalLocation": location(source, file, region) }]);
        result
    });
    let warnings = warnings.iter().map(|warning| {
        let mut result = result("warning", "warning", &warning.field, &warning.message);
        result["locations"] = json!([{ "physicalLocation": location(source, "pack.yaml", None) }]);
        result
    });
    let results: Vec<Value> = problems.chain(warnings).collect();
    let rules = json!([
        { "id": "problem", "shortDescription": { "text": "The service rejects a pack with this problem." } },
        { "id": "warning", "shortDescription": { "text": "The service accepts this, but it is probably not intended." } },
    ]);
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "packs", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(rule: &str, level: &str, field: &str, message: &str) -> Value {
    json!({ "ruleId": rule, "level": level, "message": { "text": format!("{field}: {message}") } })
}

fn location(source: &Source, file: &str, region: Option<Value>) -> Value {
    let mut location = json!({ "artifactLocation": { "uri": uri(source, file) } });
    if let Some(region) = region {
        location["region"] = region;
    }
    location
}

fn fix(source: &Source, file: &str, span: Span, suggestion: &Suggestion) -> Value {
    json!({
        "description": { "text": suggestion.description },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(source, file) },
            "replacements": [{
                "deletedRegion": region(span),
                "insertedContent": { "text": suggestion.replacement },
            }],
        }],
    })
}

/// Converts a span to a region. The end column of a region is exclusive.
fn region(Span { line, column, length }: Span) -> Value {
    json!({ "startLine": line, "startColumn": column, "endColumn": column + length })
}

/// Returns the path to show for a file, as a relative URI reference (RFC 3986).
fn uri(source: &Source, file: &str) -> String {
    let path = source.shown_path(file);
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    path.as_os_str().as_encoded_bytes().iter().copied().map(escape).collect()
}
