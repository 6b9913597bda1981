use std::{borrow::Cow, collections::HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::{Node, Pair, Scalar, Value, syntax};
use crate::Quoted;

/// The longest key, in characters: no key that is written on one line may reach 1,024 (YAML 1.2.2, section 8.2.2),
/// escapes included.
const MAX_KEY_LENGTH: usize = 128;

/// What is not allowed in a document, each with its line.
type Refusals = Vec<(usize, String)>;

/// The root of the one document in `text`, and what was refused on the way: nodes that are not allowed, which are
/// [`Value::Refused`] or left out, or else the one error of syntax, where reading ended.
pub(crate) fn parse(text: &str) -> (Option<Node>, Refusals) {
    if let Some(refusal) = syntax::unreadable(text) {
        return (None, vec![refusal]);
    }
    let mut document = Document { parser: Parser::new_from_str(text), refusals: Vec::new() };
    match document.root() {
        Ok(root) => (root, document.refusals),
        Err(error) => (None, vec![(syntax::line_of(&error, text), syntax::describe(&error))]),
    }
}

struct Document<'a> {
    parser: Parser<'a, StrInput<'a>>,
    refusals: Refusals,
}

impl<'a> Document<'a> {
    fn root(&mut self) -> Result<Option<Node>, ScanError> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(_) if root.is_some() => {
                    self.refuse(&span, "begins a second document; only one is allowed");
                    return Ok(root);
                }
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                content => root = Some(self.node(content, &span, 0)?),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), ScanError> {
        self.parser.next_event().unwrap_or_else(|| Ok((Event::StreamEnd, Span::default())))
    }

    fn refuse(&mut self, span: &Span, message: impl Into<String>) {
        self.refusals.push((span.start.line(), message.into()));
    }

    /// The node that begins with `event`, inside of `depth` collections.
    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, ScanError> {
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            _ => (0, false),
        };
        if anchor != 0 {
            self.refuse(span, "has an anchor (`&…`), which is not allowed: write the value out where it is needed");
        }
        if tag {
            self.refuse(
                span,
                "has a tag (`!…`), which is not allowed: put text in quotes, and write other values plainly",
            );
        }
        let is_collection = matches!(event, Event::SequenceStart(..) | Event::MappingStart(..));
        let is_too_deep = is_collection && depth == syntax::MAX_DEPTH;
        if is_too_deep {
            self.refuse(span, syntax::too_deep());
            self.skip()?;
        }
        let value = match event {
            _ if is_too_deep => Value::Refused,
            Event::Scalar(content, style, ..) => Value::Scalar(scalar(content, style)),
            Event::SequenceStart(..) => self.sequence(depth + 1)?,
            Event::MappingStart(..) => self.mapping(depth + 1)?,
            _ => {
                self.refuse(span, "is an alias (`*…`), which is not allowed: write the value out");
                Value::Refused
            }
        };
        Ok(Node { line: span.start.line(), value: if tag { Value::Refused } else { value } })
    }

    /// Reads to the end of the collection that has just begun.
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
                (event, span) => items.push(self.node(event, &span, depth)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, ScanError> {
        let mut pairs = Vec::new();
        let mut keys = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                return Ok(Value::Mapping(pairs));
            }
            let is_merge = matches!(&event, Event::Scalar(key, ScalarStyle::Plain, ..) if key == "<<");
            let key = self.node(event, &span, depth)?;
            let (event, value_span) = self.next()?;
            let mut value = self.node(event, &value_span, depth)?;
            let key = match key.value {
                Value::Scalar(_) if is_merge => {
                    self.refuse(&span, "`<<` is a merge key, which is not allowed: write the keys out");
                    continue;
                }
                Value::Scalar(key) if key.text.chars().count() <= MAX_KEY_LENGTH => key,
                Value::Scalar(key) => {
                    let length = key.text.chars().count();
                    self.refuse(
                        &span,
                        format!(
                            "{} is a key of {length} characters; at most {MAX_KEY_LENGTH} are allowed",
                            Quoted::new(&key.text)
                        ),
                    );
                    continue;
                }
                Value::Sequence(_) | Value::Mapping(_) => {
                    self.refuse(&span, "is a list or mapping as a key, which is not allowed: a key is text");
                    continue;
                }
                Value::Refused => continue,
            };
            if !keys.insert(key.text.clone()) {
                self.refuse(&span, format!("{} is there twice; a key may be given only once", Quoted::new(&key.text)));
                continue;
            }
            if matches!(&value.value, Value::Scalar(scalar) if scalar.text.is_empty()) {
                // What is not there stands nowhere: its key's line is the one to look at.
                value.line = span.start.line();
            }
            pairs.push(Pair { line: span.start.line(), key, value });
        }
    }
}

fn scalar(content: Cow<'_, str>, style: ScalarStyle) -> Scalar {
    match style {
        ScalarStyle::Plain => Scalar::plain(content.into_owned()),
        _ => Scalar::quoted(content.into_owned()),
    }
}
