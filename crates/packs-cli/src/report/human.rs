use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};
use pack_format::{Location, Problem, Span, Suggestion, Warning};

use crate::source::Source;

pub(super) fn print(
    source: &Source,
    problems: &[Problem],
    unlisted: usize,
    warnings: &[Warning],
    out: &mut impl Write,
) -> io::Result<()> {
    // `out` removes the colors where they are not wanted, such as in a pipe.
    let renderer = Renderer::styled();
    for problem in problems {
        writeln!(out, "{}\n", renderer.render(&groups(source, problem)))?;
    }
    for Warning { field, message } in warnings {
        let title = Level::WARNING.primary_title(format!("{field}: {message}"));
        writeln!(out, "{}\n", renderer.render(&[Group::with_title(title)]))?;
    }
    match problems.len() + unlisted {
        0 => writeln!(out, "The pack is valid."),
        1 => writeln!(out, "1 problem."),
        count if unlisted > 0 => writeln!(out, "{count} problems; the first {} are listed.", problems.len()),
        count => writeln!(out, "{count} problems."),
    }
}

fn groups<'a>(source: &Source, problem: &'a Problem) -> Vec<Group<'a>> {
    let title = Level::ERROR.primary_title(format!("{}: {}", problem.field, message(problem)));
    match &problem.location {
        Some(Location::File { file, span: Some(span), suggestion }) => {
            let path = source.shown_path(file).display().to_string();
            let Some(line) = Line::new(source, file, *span) else {
                return vec![title.element(Origin::path(path).line(span.line).char_column(span.column))];
            };
            let suggestion = suggestion.as_ref().map(|suggestion| line.suggestion(suggestion));
            [line.problem(title, path)].into_iter().chain(suggestion).collect()
        }
        // For a problem on a line, the message already contains the line number.
        Some(Location::File { file, span: None, .. } | Location::Line { file, .. }) => {
            vec![title.element(Origin::path(source.shown_path(file).display().to_string()))]
        }
        Some(Location::Archive { .. }) | None => vec![Group::with_title(title)],
    }
}

/// Returns the message without its leading line and column, because the snippet shows them.
fn message(problem: &Problem) -> &str {
    let Some(Location::File { span: Some(Span { line, column, .. }), .. }) = problem.location else {
        return &problem.message;
    };
    let places = [format!("line {line}: "), format!("line {line}, column {column}: ")];
    places.iter().find_map(|place| problem.message.strip_prefix(place)).unwrap_or(&problem.message)
}

/// A line with a problem.
struct Line {
    number: usize,
    text: String,
    /// The byte range of the problem in the line.
    part: std::ops::Range<usize>,
}

impl Line {
    /// Returns `None` if the file cannot be read.
    fn new(source: &Source, file: &str, span: Span) -> Option<Self> {
        let text = source.text(file)?;
        let range = span.bytes(&text);
        let start = text[..range.start].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let end = text[range.start..].find(['\n', '\r']).map_or(text.len(), |length| range.start + length);
        let part = range.start - start..range.end.min(end) - start;
        Some(Self { number: span.line, text: text[start..end].to_owned(), part })
    }

    fn problem<'a>(&self, title: annotate_snippets::Title<'a>, path: String) -> Group<'a> {
        let annotation = AnnotationKind::Primary.span(self.part.clone());
        title.element(Snippet::source(self.text.clone()).line_start(self.number).path(path).annotation(annotation))
    }

    fn suggestion<'a>(&self, suggestion: &'a Suggestion) -> Group<'a> {
        let patch = Patch::new(self.part.clone(), suggestion.replacement.as_str());
        let title = Level::HELP.secondary_title(suggestion.description.as_str());
        title.element(Snippet::source(self.text.clone()).line_start(self.number).patch(patch))
    }
}
