use super::{Kind, Node, Pair, Scalar, Value};
use crate::{Escaped, Problems, Quoted, text::nearest};

/// A node of `pack.yaml` and the field that it is for its author, such as `pack.yaml: capabilities[0].allow`.
pub(crate) struct Place<'a> {
    pub(crate) field: String,
    pub(crate) node: &'a Node,
    line: usize,
}

/// A [`Place`] that holds a mapping.
pub(crate) struct Mapping<'a> {
    place: Place<'a>,
    pairs: &'a [Pair],
}

impl<'a> Place<'a> {
    /// The root of the document, whose field is the file itself.
    pub(crate) fn root(file: &str, node: &'a Node) -> Self {
        Self { field: file.to_owned(), node, line: node.line }
    }

    /// Reports a problem of this place, with its line.
    pub(crate) fn problem(&self, problems: &mut Problems, message: impl std::fmt::Display) {
        problems.add(&self.field, format_args!("line {}: {message}", self.line));
    }

    /// The text here. Any other scalar is reported, told to use quotes, and then validated as the text that it would be.
    pub(crate) fn text(&self, problems: &mut Problems) -> Option<&'a str> {
        let Value::Scalar(scalar) = &self.node.value else {
            self.mismatch(problems, "text");
            return None;
        };
        let found = Quoted::new(&scalar.text);
        match (scalar.kind, scalar.elsewhere) {
            (Kind::Text, None) => {}
            (Kind::Text, Some(kind)) => self.problem(
                problems,
                format_args!("{found} is {kind} to some readers of YAML: write {}", self.with_quotes(scalar)),
            ),
            (Kind::Null, _) => {
                self.mismatch(problems, "text");
                return None;
            }
            (kind, _) => {
                self.problem(problems, format_args!("{found} is {kind}, not text: write {}", self.with_quotes(scalar)));
            }
        }
        Some(&scalar.text)
    }

    /// Reports anything but a boolean.
    pub(crate) fn expect_boolean(&self, problems: &mut Problems) {
        if !matches!(&self.node.value, Value::Scalar(Scalar { kind: Kind::Boolean, .. })) {
            self.mismatch(problems, "`true` or `false`, without quotes");
        }
    }

    /// The items of the list here, each with its index.
    pub(crate) fn list(&self, problems: &mut Problems) -> Option<Vec<Place<'a>>> {
        let Value::Sequence(items) = &self.node.value else {
            self.mismatch(problems, "a list, each item on a line of its own after `- `");
            return None;
        };
        let item = |(index, node): (usize, &'a Node)| Place {
            field: format!("{}[{index}]", self.field),
            node,
            line: node.line,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The mapping here.
    pub(crate) fn mapping(self, problems: &mut Problems) -> Option<Mapping<'a>> {
        let Value::Mapping(pairs) = &self.node.value else {
            self.mismatch(problems, "a mapping of keys to values");
            return None;
        };
        Some(Mapping { place: self, pairs })
    }

    /// Reports that something else than `wanted` is here.
    fn mismatch(&self, problems: &mut Problems, wanted: &str) {
        match &self.node.value {
            Value::Refused => {}
            Value::Sequence(_) => self.problem(problems, format_args!("is a list; must be {wanted}")),
            Value::Mapping(_) => self.problem(problems, format_args!("is a mapping; must be {wanted}")),
            Value::Scalar(Scalar { kind: Kind::Null, .. }) => {
                self.problem(
                    problems,
                    format_args!("has no value; must be {wanted}: give it one, or leave an optional key out"),
                );
            }
            Value::Scalar(Scalar { kind, text, .. }) => {
                self.problem(problems, format_args!("{} is {kind}; must be {wanted}", Quoted::new(text)));
            }
        }
    }

    /// How to write this value as text: `version: "1.10"`, or `- "1.10"` in a list.
    fn with_quotes(&self, scalar: &Scalar) -> String {
        let key = self.field.rsplit([' ', '.']).next().unwrap_or_default();
        let before = if key.ends_with(']') { "- ".to_owned() } else { format!("{key}: ") };
        format!("`{before}\"{}\"`", Escaped::new(&scalar.text))
    }
}

impl<'a> Mapping<'a> {
    /// The value of `key`, if it is there.
    pub(crate) fn get(&self, key: &str) -> Option<Place<'a>> {
        let pair = self.pairs.iter().find(|pair| pair.key.is_text() && pair.key.text == key)?;
        Some(self.value(pair))
    }

    /// The value of `key`; without one, reports that it must be `wanted`, or which key may be meant for it.
    pub(crate) fn require(&self, key: &str, wanted: &str, problems: &mut Problems) -> Option<Place<'a>> {
        let place = self.get(key);
        if place.is_none() {
            let meant = self.others(&[key]).find(|pair| nearest(&pair.key.text, &[key]).is_some());
            let mend =
                meant.map(|pair| format!(": rename {} to `{key}`", Quoted::new(&pair.key.text))).unwrap_or_default();
            let message = format!("is missing; must be {wanted}{mend}");
            // That the file's first line lacks it says nothing.
            let place = Place { field: self.field_of(key), node: self.place.node, line: self.place.line };
            if self.is_root() { problems.add(place.field, message) } else { place.problem(problems, message) }
        }
        place
    }

    /// The pairs whose key is none of `known`.
    pub(crate) fn others(&self, known: &[&str]) -> impl Iterator<Item = &'a Pair> {
        self.pairs.iter().filter(move |pair| !pair.key.is_text() || !known.contains(&pair.key.text.as_str()))
    }

    /// Reports every key that is none of `known`, with the nearest one that is.
    pub(crate) fn refuse_others(&self, known: &[&str], problems: &mut Problems) {
        for pair in self.others(known) {
            let found = Quoted::new(&pair.key.text);
            let mend = match nearest(&pair.key.text, known) {
                Some(key) => format!("did you mean `{key}`?"),
                None => format!("the keys are `{}`", known.join("`, `")),
            };
            problems.add(&self.place.field, format_args!("line {}: {found} is not a key: {mend}", pair.line));
        }
    }

    /// The place of a pair's value.
    pub(crate) fn value(&self, pair: &'a Pair) -> Place<'a> {
        Place { field: self.field_of(&pair.key.text), node: &pair.value, line: pair.value.line }
    }

    fn is_root(&self) -> bool {
        !self.place.field.contains(": ")
    }

    fn field_of(&self, key: &str) -> String {
        let separator = if self.is_root() { ": " } else { "." };
        format!("{}{separator}{}", self.place.field, Escaped::new(key))
    }
}
