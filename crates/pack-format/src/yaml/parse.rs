use std::{borrow::Cow, collections::HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as Markers, StrInput};

use super::{Node, Pair, Scalar, Value, source::Source, syntax};
use crate::{Quoted, Span, Suggestion};

/// The maximum length of a key, in characters. YAML limits a key on one line to 1,024 characters, including escapes
/// (YAML 1.2.2, section 8.2.2), so `emit` can write a key of the maximum length even if it has to escape every
/// character.
const MAX_KEY_LENGTH: usize = 128;

/// A syntax error, or a construct that is not allowed in `pack.yaml`.
pub(crate) struct SyntaxProblem {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) suggestion: Option<Suggestion>,
}

/// Parses `text`, which must contain a single document. Returns the document's root and the problems found.
///
/// Each node that is not allowed causes a problem. A node that is not allowed only because of its anchor keeps its
/// value. Any other such node becomes [`Value::Rejected`] or is dropped. If there is a forbidden character or a syntax
/// error, only that problem is returned, without a root.
pub(crate) fn parse(text: &str) -> (Option<Node>, Vec<SyntaxProblem>) {
    if let Some(problem) = syntax::find_forbidden_character(text) {
        return (None, vec![problem]);
    }
    let parser = Parser::new_from_str(text);
    let mut document = Document { parser, source: Source::new(text), problems: Vec::new() };
    match document.root() {
        Ok(root) => (root, document.problems),
        Err(error) => (None, vec![syntax::describe(&error, text)]),
    }
}

struct Document<'a> {
    parser: Parser<'a, StrInput<'a>>,
    source: Source,
    problems: Vec<SyntaxProblem>,
}

impl<'a> Document<'a> {
    fn root(&mut self) -> Result<Option<Node>, ScanError> {
        let mut root = None;
        loop {
            let (event, markers) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(_) if root.is_some() => {
                    self.problem(self.source.span(&markers), "starts a second document; only one is allowed");
                    return Ok(root);
                }
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                content => root = Some(self.node(content, &markers, 0)?),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Markers), ScanError> {
        self.parser.next_event().unwrap_or_else(|| Ok((Event::StreamEnd, Markers::default())))
    }

    fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(SyntaxProblem { span, message: message.into(), suggestion: None });
    }

    /// Reads the node that starts with `event`. `depth` is the number of collections around it.
    fn node(&mut self, event: Event<'a>, markers: &Markers, depth: usize) -> Result<Node, ScanError> {
        let span = self.source.span(markers);
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            _ => (0, false),
        };
        if anchor != 0 {
            self.problem(span, "has an anchor (`&…`), which is not allowed; repeat the value where it is needed");
        }
        if tag {
            self.problem(
                span,
                "has a tag (`!…`), which is not allowed; remove it, and put the value in quotes if it is text",
            );
        }
        let is_block = matches!(event, Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..));
        let is_collection = matches!(event, Event::SequenceStart(..) | Event::MappingStart(..));
        let is_too_deep = is_collection && depth == syntax::MAX_DEPTH;
        if is_too_deep {
            self.problem(span, syntax::too_deep());
            self.skip()?;
        }
        let value = match event {
            _ if is_too_deep => Value::Rejected,
            Event::Scalar(content, style, ..) => Value::Scalar(self.scalar(content, style, markers)),
            Event::SequenceStart(..) => self.sequence(depth + 1)?,
            Event::MappingStart(..) => self.mapping(depth + 1)?,
            _ => {
                self.problem(span, "is an alias (`*…`), which is not allowed; write the value out");
                Value::Rejected
            }
        };
        let node = Node { span, value: if tag { Value::Rejected } else { value } };
        // For a missing value, the parser reports the span of an adjacent token, such as `:` or `-`. The span of a
        // block scalar does not include its indicator, `|` or `>`. Replacing such a span would not replace the value.
        Ok(if is_block || node.is_missing() { Node { span: Span { length: 0, ..span }, ..node } } else { node })
    }

    fn scalar(&self, content: Cow<'_, str>, style: ScalarStyle, markers: &Markers) -> Scalar {
        let forbidden = self.source.forbidden(&content, markers);
        let content = content.into_owned();
        let scalar = if style == ScalarStyle::Plain { Scalar::plain(content) } else { Scalar::quoted(content) };
        Scalar { forbidden, ..scalar }
    }

    /// Skips the rest of the collection that has just started.
    fn skip(&mut self) -> Result<(), ScanError> {
        let mut open = 1;
        while open > 0 {
            match self.next()?.0 {
                Event::SequenceStart(..) | Event::MappingStart(..) => open += 1,
                Event::SequenceEnd | Event::MappingEnd | Event::StreamEnd => open -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, ScanError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Value::Sequence(items)),
                (event, markers) => items.push(self.node(event, &markers, depth)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, ScanError> {
        let mut pairs = Vec::new();
        let mut keys = HashSet::new();
        loop {
            let (event, markers) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                return Ok(Value::Mapping(pairs));
            }
            let is_merge = matches!(&event, Event::Scalar(key, ScalarStyle::Plain, ..) if key == "<<");
            let Node { span, value: key } = self.node(event, &markers, depth)?;
            let (event, markers) = self.next()?;
            let mut value = self.node(event, &markers, depth)?;
            let key = match key {
                Value::Scalar(_) if is_merge => {
                    self.problem(span, "`<<` is a merge key, which is not allowed; write the keys out");
                    continue;
                }
                Value::Scalar(key) if key.text.chars().count() <= MAX_KEY_LENGTH => key,
                Value::Scalar(key) => {
                    let length = key.text.chars().count();
                    self.problem(
                        span,
                        format!(
                            "{} is a key of {length} characters; at most {MAX_KEY_LENGTH} are allowed",
                            Quoted::new(&key.text)
                        ),
                    );
                    continue;
                }
                Value::Sequence(_) | Value::Mapping(_) => {
                    self.problem(span, "has a list or a mapping as a key; a key must be text");
                    continue;
                }
                Value::Rejected => continue,
            };
            if !keys.insert(key.text.clone()) {
                self.problem(span, format!("{} appears twice; a key may appear only once", Quoted::new(&key.text)));
                continue;
            }
            if value.is_missing() {
                // A missing value has no position of its own, so report problems at the key.
                value.span = Span { length: 0, ..span };
            }
            pairs.push(Pair { key_span: span, key, value });
        }
    }
}
