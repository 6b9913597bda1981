use std::fmt;

use super::{Node, Pair, Scalar, ScalarType, Value, emit};
use crate::{Escaped, Problem, Problems, Quoted, Span, Suggestion, text::nearest};

/// A node in a YAML file, and the field name under which its problems are reported.
pub(crate) struct Field<'a> {
    /// The file and the path to the node, such as `pack.yaml: capabilities[0].allow`.
    pub(crate) name: String,
    pub(crate) node: &'a Node,
    file: &'static str,
    /// Whether this is the value of a key that may be missing.
    is_optional: bool,
}

/// A [`Field`] that is a mapping.
pub(crate) struct Mapping<'a> {
    field: Field<'a>,
    pairs: &'a [Pair],
}

impl<'a> Field<'a> {
    /// Returns the root of the document. Its field name is the name of the file.
    pub(crate) fn root(file: &'static str, node: &'a Node) -> Self {
        Self { name: file.to_owned(), node, file, is_optional: false }
    }

    /// Adds a problem with this field. The message starts with the field's line number.
    pub(crate) fn problem(&self, problems: &mut Problems, message: impl fmt::Display) {
        self.problem_at(self.node.span, problems, message, None);
    }

    /// Adds a problem for each run of forbidden characters in this value, including nested keys and values.
    pub(crate) fn check_characters(&self, problems: &mut Problems) {
        let mut nodes = vec![self.node];
        while let Some(node) = nodes.pop() {
            match &node.value {
                Value::Scalar(scalar) => self.check_scalar(scalar, problems),
                Value::Sequence(items) => nodes.extend(items.iter().rev()),
                Value::Mapping(pairs) => {
                    for pair in pairs {
                        self.check_scalar(&pair.key, problems);
                    }
                    nodes.extend(pairs.iter().rev().map(|pair| &pair.value));
                }
                Value::Rejected => {}
            }
        }
    }

    fn check_scalar(&self, scalar: &Scalar, problems: &mut Problems) {
        for (span, forbidden) in &scalar.forbidden {
            problems.push(forbidden.in_text(&self.name, self.file, *span));
        }
    }

    /// Adds a problem with part of this field.
    fn problem_at(
        &self,
        span: Span,
        problems: &mut Problems,
        message: impl fmt::Display,
        suggestion: Option<Suggestion>,
    ) {
        problems.push(Problem::in_text(&self.name, self.file, span, message, suggestion));
    }

    /// Returns this field's text like [`Self::validate`], but without a check. The text of a number, boolean or date is
    /// returned too, so that the caller can validate it.
    pub(crate) fn text(&self, problems: &mut Problems) -> Option<&'a str> {
        self.validate(|_| Ok::<_, String>(()), |_| None, problems)
    }

    /// Returns this field's text, or `None` if the value is null, a list, a mapping or rejected. Adds a problem if some
    /// YAML readers do not treat the value as text, or if `check` returns an error. For invalid text, `nearest` returns
    /// the valid text that the author probably meant.
    ///
    /// A number, boolean or date adds a single problem even if `check` also returns an error, so that the author gets
    /// one suggestion. Text with forbidden characters adds only the problems with those characters, and is not passed
    /// to `check`. In both cases, the text is still returned.
    pub(crate) fn validate<E: fmt::Display>(
        &self,
        check: impl Fn(&str) -> Result<(), E>,
        nearest: impl Fn(&str) -> Option<String>,
        problems: &mut Problems,
    ) -> Option<&'a str> {
        let Value::Scalar(scalar) = &self.node.value else {
            self.mismatch(problems, "text");
            return None;
        };
        let text = scalar.text.as_str();
        if !scalar.forbidden.is_empty() {
            self.check_scalar(scalar, problems);
            return Some(text);
        }
        let found = Quoted::new(text);
        let mismatch = match (scalar.scalar_type, scalar.yaml_1_1_type) {
            (ScalarType::Text, None) => None,
            (ScalarType::Text, Some(other)) => Some(format!("is {other} to some YAML readers")),
            (ScalarType::Null, _) => {
                self.mismatch(problems, "text");
                return None;
            }
            (other, _) => Some(format!("is {other}, not text")),
        };
        match (mismatch, check(text)) {
            (None, Ok(())) => {}
            (None, Err(error)) => self.invalid(problems, format_args!("{found} {error}"), nearest(text)),
            (Some(mismatch), Ok(())) => self.not_text(problems, format_args!("{found} {mismatch}"), Some(text)),
            (Some(mismatch), Err(error)) => {
                self.not_text(problems, format_args!("{found} {mismatch}, and {error}"), nearest(text).as_deref());
            }
        }
        Some(text)
    }

    /// Adds a problem with this field's text, and suggests replacing the text with `nearest`, if any.
    pub(crate) fn invalid(&self, problems: &mut Problems, problem: impl fmt::Display, nearest: Option<String>) {
        let Some(nearest) = nearest else { return self.problem(problems, problem) };
        let suggested = Quoted::new(&nearest);
        let suggestion = self.replace(format!("write {suggested}"), emit::emit_text(&nearest));
        self.problem_at(self.node.span, problems, format_args!("{problem}: did you mean {suggested}?"), suggestion);
    }

    /// Adds a problem with a scalar that some YAML readers do not treat as text. Suggests writing `text`, if any, in
    /// quotes.
    fn not_text(&self, problems: &mut Problems, problem: impl fmt::Display, text: Option<&str>) {
        let Some(text) = text else { return self.problem(problems, problem) };
        let description = format!("write {}", self.with_quotes(text));
        let message = format!("{problem}; {description}");
        let suggestion = self.replace(description, emit::emit_quoted(text));
        self.problem_at(self.node.span, problems, message, suggestion);
    }

    /// Returns a suggestion to replace this scalar, or `None` if it spans several lines, is a block scalar or is
    /// missing.
    pub(crate) fn replace(&self, description: String, replacement: String) -> Option<Suggestion> {
        (self.node.span.length > 0).then(|| Suggestion::new(description, replacement))
    }

    /// Returns this field's content if the value is a scalar of any type.
    pub(crate) fn scalar(&self) -> Option<&'a str> {
        if let Value::Scalar(scalar) = &self.node.value { Some(&scalar.text) } else { None }
    }

    pub(crate) fn is_true(&self) -> bool {
        matches!(&self.node.value, Value::Scalar(Scalar { scalar_type: ScalarType::Boolean, text, .. }) if text.eq_ignore_ascii_case("true"))
    }

    pub(crate) fn expect_boolean(&self, problems: &mut Problems) {
        if !matches!(&self.node.value, Value::Scalar(Scalar { scalar_type: ScalarType::Boolean, .. })) {
            self.mismatch(problems, "`true` or `false`, without quotes");
        }
    }

    /// Returns the items of this list. Each item's field name contains its index. Adds a problem if the value is not a
    /// list.
    pub(crate) fn list(&self, problems: &mut Problems) -> Option<Vec<Field<'a>>> {
        let Value::Sequence(items) = &self.node.value else {
            self.mismatch(problems, "a list, with each item on its own line after `- `");
            return None;
        };
        let item = |(index, node): (usize, &'a Node)| Field {
            name: format!("{}[{index}]", self.name),
            node,
            file: self.file,
            is_optional: false,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    pub(crate) fn mapping(self, problems: &mut Problems) -> Option<Mapping<'a>> {
        let Value::Mapping(pairs) = &self.node.value else {
            self.mismatch(problems, "a mapping of keys to values");
            return None;
        };
        Some(Mapping { field: self, pairs })
    }

    /// Adds a problem saying that this field must be `expected`. Does nothing for a rejected value, whose problem has
    /// already been reported.
    fn mismatch(&self, problems: &mut Problems, expected: &str) {
        match &self.node.value {
            Value::Rejected => {}
            Value::Sequence(_) => self.problem(problems, format_args!("is a list; must be {expected}")),
            Value::Mapping(_) => self.problem(problems, format_args!("is a mapping; must be {expected}")),
            Value::Scalar(Scalar { scalar_type: ScalarType::Null, .. }) => {
                let removal = if self.is_optional { ", or remove the key" } else { "" };
                self.problem(problems, format_args!("has no value; write {expected}{removal}"));
            }
            Value::Scalar(Scalar { scalar_type, text, .. }) => {
                self.problem(problems, format_args!("{} is {scalar_type}; must be {expected}", Quoted::new(text)));
            }
        }
    }

    /// Returns the YAML to suggest, with `text` in quotes: `version: "1.10.0"`, or `- "1.10"` for an item of a list.
    fn with_quotes(&self, text: &str) -> String {
        let key = self.name.rsplit([' ', '.']).next().unwrap_or_default();
        let before = if key.ends_with(']') { "- ".to_owned() } else { format!("{key}: ") };
        format!("`{before}\"{}\"`", Escaped::new(text))
    }
}

impl<'a> Mapping<'a> {
    pub(crate) fn get(&self, key: &str) -> Option<Field<'a>> {
        let pair = self.pairs.iter().find(|pair| pair.key.is_text() && pair.key.text == key)?;
        Some(self.value(pair))
    }

    /// Returns the value of a required key. If the key is missing, adds a problem saying that it must be `expected`,
    /// and suggests renaming a key that looks like a misspelling of it.
    pub(crate) fn require(&self, key: &str, expected: &str, problems: &mut Problems) -> Option<Field<'a>> {
        let found = self.get(key).map(|field| Field { is_optional: false, ..field });
        if found.is_none() {
            let misspelled = self.others(&[key]).find(|pair| nearest(&pair.key.text, &[key]).is_some());
            let suggestion = misspelled
                .map(|pair| format!("; rename {} to `{key}`", Quoted::new(&pair.key.text)))
                .unwrap_or_default();
            let message = format!("is missing; must be {expected}{suggestion}");
            let Field { node, file, .. } = self.field;
            if self.is_root() {
                // Omit the line number: the start of the document does not help the author.
                problems.push(Problem::in_file(self.name_of(key), file, message, None));
            } else {
                Field { name: self.name_of(key), node, file, is_optional: false }.problem(problems, message);
            }
        }
        found
    }

    /// Returns the pairs whose keys are not text or not in `known`.
    pub(crate) fn others(&self, known: &[&str]) -> impl Iterator<Item = &'a Pair> {
        self.pairs.iter().filter(move |pair| !pair.key.is_text() || !known.contains(&pair.key.text.as_str()))
    }

    /// Adds a problem for each key that is not in `known`. The message suggests a similar known key that is missing
    /// from the mapping, or lists all known keys.
    pub(crate) fn reject_unknown(&self, known: &[&str], problems: &mut Problems) {
        let mut absent: Vec<&str> = known.iter().copied().filter(|key| self.get(key).is_none()).collect();
        for pair in self.others(known) {
            let problem = format!("{} is not a valid key here", Quoted::new(&pair.key.text));
            let (message, suggestion) = match nearest(&pair.key.text, &absent) {
                Some(key) => {
                    // Do not suggest this key again.
                    absent.retain(|absent| *absent != key);
                    let rename = || Suggestion::new(format!("rename the key to `{key}`"), key);
                    (format!("{problem}: did you mean `{key}`?"), (pair.key_span.length > 0).then(rename))
                }
                None => (format!("{problem}; must be one of `{}`", known.join("`, `")), None),
            };
            self.field.problem_at(pair.key_span, problems, message, suggestion);
        }
    }

    /// Adds a problem for each run of forbidden characters in the keys that are not in `known`, and in the values of
    /// those keys.
    pub(crate) fn check_characters_of_others(&self, known: &[&str], problems: &mut Problems) {
        for pair in self.others(known) {
            let value = self.value(pair);
            value.check_scalar(&pair.key, problems);
            value.check_characters(problems);
        }
    }

    pub(crate) fn value(&self, pair: &'a Pair) -> Field<'a> {
        Field { name: self.name_of(&pair.key.text), node: &pair.value, file: self.field.file, is_optional: true }
    }

    fn is_root(&self) -> bool {
        !self.field.name.contains(": ")
    }

    fn name_of(&self, key: &str) -> String {
        let separator = if self.is_root() { ": " } else { "." };
        format!("{}{separator}{}", self.field.name, Escaped::new(key))
    }
}
