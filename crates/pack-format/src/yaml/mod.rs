//! Parses and writes the subset of YAML 1.2 that is allowed in `pack.yaml`: one document, without aliases, anchors,
//! tags, merge keys or repeated keys. YAML readers disagree on some of these. [`Field`] and [`Mapping`] check the types
//! of values, and report the problems with values and keys.

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
