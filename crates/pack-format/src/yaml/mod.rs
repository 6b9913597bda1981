//! Parses and writes the subset of YAML 1.2 that `pack.yaml` may use: one document, without aliases, anchors, tags,
//! merge keys and repeated keys. YAML readers disagree on some of these.

mod emit;
mod field;
mod node;
mod parse;
mod schema;
mod source;
mod syntax;

pub(super) use self::{
    emit::emit,
    field::{Field, Mapping},
    node::{Node, Pair, Scalar, Value},
    parse::{SyntaxProblem, parse},
    schema::ScalarType,
};
