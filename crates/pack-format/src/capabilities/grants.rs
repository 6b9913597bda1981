use std::collections::{BTreeMap, BTreeSet};

use super::domain;
use crate::{
    Quoted, Version,
    warnings::{self, Warning},
    yaml::{self, Node, Value},
};

/// The access that a pack's capabilities grant, by normalized host or host pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<String, HostGrant>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct HostGrant {
    methods: BTreeSet<String>,
    allow_insecure: bool,
}

impl Grants {
    /// Parses the YAML text of the capabilities in a valid manifest. Empty text grants nothing.
    pub fn from_capabilities(text: &str) -> Self {
        let (root, _) = yaml::parse(text);
        let mut grants = Self::default();
        let rules = root.iter().flat_map(items).filter_map(|capability| member(capability, "allow")).flat_map(items);
        for rule in rules {
            grants.add(rule);
        }
        grants
    }

    fn add(&mut self, rule: &Node) {
        let texts = |key| member(rule, key).into_iter().flat_map(items).filter_map(text);
        let allow_insecure =
            member(rule, "allow_insecure").and_then(text).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        for text in texts("domains") {
            let host = self.0.entry(domain::normalize(text, allow_insecure)).or_default();
            host.methods.extend(texts("methods").map(str::to_owned));
            host.allow_insecure |= allow_insecure;
        }
    }

    /// Returns a warning for each item that [`Self::beyond`] finds. `previous` contains the grants of `version`.
    pub fn warnings_since(&self, previous: &Self, version: &Version) -> Vec<Warning> {
        let field = warnings::capabilities_field();
        let warning = |grant| Warning::new(&field, format_args!("allows {grant}, which version {version} did not"));
        self.beyond(previous).into_iter().map(warning).collect()
    }

    /// Describes the hosts, methods and access without TLS that are in these grants but not in `other`, such as
    /// `` `POST` to `api.example.com` ``. Compares host patterns as text: a pattern in `other` does not cover the hosts
    /// that it matches.
    pub fn beyond(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, host) in &self.0 {
            let (domain, earlier) = (Quoted::new(name), other.0.get(name));
            match earlier.map(|earlier| host.methods.difference(&earlier.methods).cloned().collect::<Vec<_>>()) {
                None => found.push(domain.to_string()),
                Some(methods) if methods.is_empty() => {}
                Some(methods) => found.push(format!("`{}` to {domain}", methods.join("`, `"))),
            }
            if host.allow_insecure && !earlier.is_some_and(|earlier| earlier.allow_insecure) {
                found.push(format!("{domain} without TLS (`allow_insecure`)"));
            }
        }
        found
    }
}

/// Returns the items of a list, or an empty slice for any other node.
fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::Sequence(items) => items,
        Value::Mapping(_) | Value::Scalar(_) | Value::Rejected => &[],
    }
}

fn member<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Mapping(pairs) = &node.value else { return None };
    pairs.iter().find(|pair| pair.key.text == key).map(|pair| &pair.value)
}

fn text(node: &Node) -> Option<&str> {
    if let Value::Scalar(scalar) = &node.value { Some(&scalar.text) } else { None }
}
