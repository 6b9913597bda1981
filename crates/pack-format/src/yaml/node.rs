use super::{Kind, schema};

/// A value of a YAML document, and the line where it stands, counted from 1.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    /// In the author's order, without a key twice.
    Mapping(Vec<Pair>),
    /// An alias, a tagged value, or one nested too deeply: its problem has been reported, and nothing else is said of it.
    Refused,
}

/// A key of a mapping and its value.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) line: usize,
    pub(crate) key: Scalar,
    pub(crate) value: Node,
}

/// A scalar, and what it is by the core schema (YAML 1.2.2, section 10.3).
#[derive(Debug)]
pub(crate) struct Scalar {
    /// The content: for text without quotes and escapes, for anything else as the author wrote it.
    pub(crate) text: String,
    pub(crate) kind: Kind,
    /// Text to YAML 1.2 which a reader of YAML 1.1 takes for this.
    pub(crate) elsewhere: Option<Kind>,
}

impl Scalar {
    /// A scalar without quotes, whose kind shows from its content.
    pub(super) fn plain(text: String) -> Self {
        let kind = schema::resolve(&text);
        let elsewhere = if kind == Kind::Text { schema::resolve_1_1(&text) } else { None };
        Self { text, kind, elsewhere }
    }

    /// A scalar in quotes or a block scalar.
    pub(super) fn quoted(text: String) -> Self {
        Self { text, kind: Kind::Text, elsewhere: None }
    }

    /// Whether this is text to every reader.
    pub(crate) fn is_text(&self) -> bool {
        self.kind == Kind::Text && self.elsewhere.is_none()
    }
}
