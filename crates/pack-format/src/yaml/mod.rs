//! Parses and writes the subset of YAML 1.2 that `pack.yaml` may use: one document, without aliases, anchors, tags,
//! merge keys or repeated keys. YAML readers treat some of these differently.

mod emit;
mod field;
mod node;
mod parse;
mod schema;
mod syntax;

pub(super) use self::{
    emit::emit,
    field::{Field, Mapping},
    node::{Node, Pair, Scalar, Value},
    parse::parse,
    schema::ScalarType,
};
