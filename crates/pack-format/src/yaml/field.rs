use std::fmt;

use super::{Node, Pair, Scalar, ScalarType, Value};
use crate::{Escaped, Problems, Quoted, text::nearest};

/// A node of `pack.yaml`, and the field name for its problems.
pub(crate) struct Field<'a> {
    /// The file and the path to the node, such as `pack.yaml: capabilities[0].allow`.
    pub(crate) name: String,
    pub(crate) node: &'a Node,
    line: usize,
}

/// A [`Field`] that is a mapping.
pub(crate) struct Mapping<'a> {
    field: Field<'a>,
    pairs: &'a [Pair],
}

impl<'a> Field<'a> {
    /// Returns the root of the document, named after the file.
    pub(crate) fn root(file: &str, node: &'a Node) -> Self {
        Self { name: file.to_owned(), node, line: node.line }
    }

    /// Adds a problem for this field, with its line.
    pub(crate) fn problem(&self, problems: &mut Problems, message: impl fmt::Display) {
        problems.add(&self.name, format_args!("line {}: {message}", self.line));
    }

    /// Returns the text of this field. A number, boolean or date is a problem, but its text is still returned for
    /// further validation.
    pub(crate) fn text(&self, problems: &mut Problems) -> Option<&'a str> {
        let Value::Scalar(scalar) = &self.node.value else {
            self.mismatch(problems, "text");
            return None;
        };
        let found = Quoted::new(&scalar.text);
        match (scalar.scalar_type, scalar.yaml_1_1_type) {
            (ScalarType::Text, None) => {}
            (ScalarType::Text, Some(other)) => self.problem(
                problems,
                format_args!("{found} is {other} to some YAML readers; write {}", self.with_quotes(scalar)),
            ),
            (ScalarType::Null, _) => {
                self.mismatch(problems, "text");
                return None;
            }
            (other, _) => {
                self.problem(
                    problems,
                    format_args!("{found} is {other}, not text; write {}", self.with_quotes(scalar)),
                );
            }
        }
        Some(&scalar.text)
    }

    pub(crate) fn expect_boolean(&self, problems: &mut Problems) {
        if !matches!(&self.node.value, Value::Scalar(Scalar { scalar_type: ScalarType::Boolean, .. })) {
            self.mismatch(problems, "`true` or `false`, without quotes");
        }
    }

    /// Returns the items of this list. The name of each contains its index.
    pub(crate) fn list(&self, problems: &mut Problems) -> Option<Vec<Field<'a>>> {
        let Value::Sequence(items) = &self.node.value else {
            self.mismatch(problems, "a list, with each item on its own line after `- `");
            return None;
        };
        let item =
            |(index, node): (usize, &'a Node)| Field { name: format!("{}[{index}]", self.name), node, line: node.line };
        Some(items.iter().enumerate().map(item).collect())
    }

    pub(crate) fn mapping(self, problems: &mut Problems) -> Option<Mapping<'a>> {
        let Value::Mapping(pairs) = &self.node.value else {
            self.mismatch(problems, "a mapping of keys to values");
            return None;
        };
        Some(Mapping { field: self, pairs })
    }

    /// Adds the problem that this field is not `expected`. A rejected value already has a problem.
    fn mismatch(&self, problems: &mut Problems, expected: &str) {
        match &self.node.value {
            Value::Rejected => {}
            Value::Sequence(_) => self.problem(problems, format_args!("is a list; must be {expected}")),
            Value::Mapping(_) => self.problem(problems, format_args!("is a mapping; must be {expected}")),
            Value::Scalar(Scalar { scalar_type: ScalarType::Null, .. }) => self
                .problem(problems, format_args!("has no value; write {expected}, or remove the key if it is optional")),
            Value::Scalar(Scalar { scalar_type, text, .. }) => {
                self.problem(problems, format_args!("{} is {scalar_type}; must be {expected}", Quoted::new(text)));
            }
        }
    }

    /// Returns the YAML to suggest, with this value in quotes: `version: "1.10"`, or `- "1.10"` in a list.
    fn with_quotes(&self, scalar: &Scalar) -> String {
        let key = self.name.rsplit([' ', '.']).next().unwrap_or_default();
        let before = if key.ends_with(']') { "- ".to_owned() } else { format!("{key}: ") };
        format!("`{before}\"{}\"`", Escaped::new(&scalar.text))
    }
}

impl<'a> Mapping<'a> {
    pub(crate) fn get(&self, key: &str) -> Option<Field<'a>> {
        let pair = self.pairs.iter().find(|pair| pair.key.is_text() && pair.key.text == key)?;
        Some(self.value(pair))
    }

    /// Returns the value of a required key. If it is missing, the problem says that it must be `expected`, and suggests
    /// renaming a key that looks misspelt.
    pub(crate) fn require(&self, key: &str, expected: &str, problems: &mut Problems) -> Option<Field<'a>> {
        let found = self.get(key);
        if found.is_none() {
            let misspelt = self.others(&[key]).find(|pair| nearest(&pair.key.text, &[key]).is_some());
            let suggestion =
                misspelt.map(|pair| format!("; rename {} to `{key}`", Quoted::new(&pair.key.text))).unwrap_or_default();
            let message = format!("is missing; must be {expected}{suggestion}");
            let name = self.name_of(key);
            if self.is_root() {
                // Leave out the line: the start of the document does not help the author.
                problems.add(name, message);
            } else {
                Field { name, node: self.field.node, line: self.field.line }.problem(problems, message);
            }
        }
        found
    }

    /// Returns the pairs whose key is not in `known`.
    pub(crate) fn others(&self, known: &[&str]) -> impl Iterator<Item = &'a Pair> {
        self.pairs.iter().filter(move |pair| !pair.key.is_text() || !known.contains(&pair.key.text.as_str()))
    }

    /// Adds a problem for every key that is not in `known`, and suggests the nearest allowed key or lists them all.
    pub(crate) fn reject_unknown(&self, known: &[&str], problems: &mut Problems) {
        for pair in self.others(known) {
            let found = Quoted::new(&pair.key.text);
            let suggestion = match nearest(&pair.key.text, known) {
                Some(key) => format!(": did you mean `{key}`?"),
                None => format!("; must be one of `{}`", known.join("`, `")),
            };
            problems
                .add(&self.field.name, format_args!("line {}: {found} is not a valid key here{suggestion}", pair.line));
        }
    }

    pub(crate) fn value(&self, pair: &'a Pair) -> Field<'a> {
        Field { name: self.name_of(&pair.key.text), node: &pair.value, line: pair.value.line }
    }

    fn is_root(&self) -> bool {
        !self.field.name.contains(": ")
    }

    fn name_of(&self, key: &str) -> String {
        let separator = if self.is_root() { ": " } else { "." };
        format!("{}{separator}{}", self.field.name, Escaped::new(key))
    }
}
