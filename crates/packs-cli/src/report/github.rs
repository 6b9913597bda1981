use std::io::{self, Write};

use pack_format::{Location, Problem, Span, Warning};

use crate::source::Source;

/// Prints GitHub Actions workflow commands, which GitHub shows as annotations on the files.
pub(super) fn print(
    source: &Source,
    problems: &[Problem],
    warnings: &[Warning],
    out: &mut impl Write,
) -> io::Result<()> {
    for Problem { field, message, location } in problems {
        let message = data(&format!("{field}: {message}"));
        writeln!(out, "::error {}::{message}", properties(source, location.as_ref()))?;
    }
    for Warning { field, message } in warnings {
        writeln!(out, "::warning {}::{}", properties(source, None), data(&format!("{field}: {message}")))?;
    }
    Ok(())
}

/// Returns the file and the position as properties of a workflow command. A problem or a warning without a file is
/// shown in `pack.yaml`.
fn properties(source: &Source, location: Option<&Location>) -> String {
    let (file, place) = match location {
        Some(Location::File { file, span: Some(Span { line, column, length }), .. }) => {
            let end = column + length.saturating_sub(1);
            (file.as_str(), format!(",line={line},endLine={line},col={column},endColumn={end}"))
        }
        Some(Location::File { file, span: None, .. }) => (file.as_str(), String::new()),
        Some(Location::Line { file, line }) => (file.as_str(), format!(",line={line}")),
        Some(Location::Archive { .. }) | None => ("pack.yaml", String::new()),
    };
    let file = property(&source.shown_path(file).display().to_string());
    format!("title=packs,file={file}{place}")
}

/// Escapes the message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property value of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
