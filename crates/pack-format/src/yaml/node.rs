use super::{ScalarType, schema};
use crate::{Span, text::Forbidden};

/// A value in a YAML document.
#[derive(Debug)]
pub(crate) struct Node {
    /// The span of the value, including a scalar's quotes, or only the start of a list or mapping. The length is 0 if a
    /// scalar spans several lines, is a block scalar or is missing.
    pub(crate) span: Span,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    /// The pairs in the author's order, with distinct keys.
    Mapping(Vec<Pair>),
    /// An alias, a tagged value, or a collection that is nested too deeply. Its problem has already been reported.
    Rejected,
}

#[derive(Debug)]
pub(crate) struct Pair {
    /// The span of the key, including its quotes. The length is 0 in the same cases as for [`Node::span`].
    pub(crate) key_span: Span,
    pub(crate) key: Scalar,
    pub(crate) value: Node,
}

#[derive(Debug)]
pub(crate) struct Scalar {
    /// The content, without quotes and with escapes resolved.
    pub(crate) text: String,
    /// The type according to the core schema (YAML 1.2.2, section 10.3).
    pub(crate) scalar_type: ScalarType,
    /// The runs of forbidden characters in the text, with their spans in the file. A span's length is 0 if a character
    /// in the run may have been written as an escape.
    pub(crate) forbidden: Vec<(Span, Forbidden)>,
    /// If YAML 1.2 treats the scalar as text, the other type that a YAML 1.1 reader may give it, if any.
    pub(crate) yaml_1_1_type: Option<ScalarType>,
}

impl Node {
    /// Returns whether the value is missing after a key or a list item's `-`.
    pub(super) fn is_missing(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { scalar_type: ScalarType::Null, text, .. }) if text.is_empty())
    }
}

impl Scalar {
    /// Returns a plain scalar, whose content determines its type.
    pub(super) fn plain(text: String) -> Self {
        let scalar_type = schema::resolve(&text);
        let yaml_1_1_type = if scalar_type == ScalarType::Text { schema::resolve_1_1(&text) } else { None };
        Self { text, scalar_type, yaml_1_1_type, forbidden: Vec::new() }
    }

    /// Returns a quoted scalar or a block scalar, which is always text.
    pub(super) fn quoted(text: String) -> Self {
        Self { text, scalar_type: ScalarType::Text, yaml_1_1_type: None, forbidden: Vec::new() }
    }

    /// Returns whether YAML 1.1 and 1.2 readers agree that this is text.
    pub(crate) fn is_text(&self) -> bool {
        self.scalar_type == ScalarType::Text && self.yaml_1_1_type.is_none()
    }
}
