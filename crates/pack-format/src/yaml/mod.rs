//! YAML 1.2 as `pack.yaml` may use it: one document of plain nodes, without aliases, anchors, tags, merge or repeated
//! keys, so that every reader sees the same.

mod emit;
mod node;
mod parse;
mod place;
mod schema;
mod syntax;

pub(super) use self::{
    emit::emit,
    node::{Node, Pair, Scalar, Value},
    parse::parse,
    place::{Mapping, Place},
    schema::Kind,
};
