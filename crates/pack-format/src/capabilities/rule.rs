use super::{domain, identifier, kept, nonempty_list, one_of};
use crate::{
    Problems, Quoted,
    text::{self, InvalidText, Lines},
    yaml::Place,
};

/// The keys that are validated. Any further key (CEL predicates, body schema) is kept as written.
const KEYS: [&str; 5] = ["name", "domains", "methods", "paths", "allow_insecure"];

/// The closed enum of HTTP methods (RFC 9110, section 9; RFC 5789).
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// Validates a rule of a capability's `allow`.
pub(super) fn validate(place: Place<'_>, problems: &mut Problems) {
    let Some(rule) = place.mapping(problems) else { return };
    if let Some(name) = rule.get("name") {
        identifier::read(&name, problems);
    }
    if let Some(domains) = rule.require("domains", "a list of hosts such as `api.example.com`", problems) {
        for domain in nonempty_list(&domains, "host", problems) {
            self::domain(&domain, problems);
        }
    }
    if let Some(methods) = rule.require("methods", "a list of HTTP methods such as `GET`", problems) {
        for method in nonempty_list(&methods, "HTTP method", problems) {
            one_of(&method, &METHODS, problems);
        }
    }
    for path in rule.get("paths").and_then(|paths| paths.list(problems)).unwrap_or_default() {
        self::path(&path, problems);
    }
    if let Some(allow_insecure) = rule.get("allow_insecure") {
        allow_insecure.expect_boolean(problems);
    }
    for pair in rule.others(&KEYS) {
        kept(&rule.value(pair), problems);
    }
}

fn domain(place: &Place<'_>, problems: &mut Problems) {
    let Some(text) = place.text(problems) else { return };
    if let Err(error) = domain::check(text) {
        place.problem(problems, format_args!("{} {error}", Quoted::new(text)));
    }
}

fn path(place: &Place<'_>, problems: &mut Problems) {
    let Some(text) = place.text(problems) else { return };
    if !text.starts_with('/') {
        let mend = format!("/{}", text.trim_start_matches("./"));
        // A whole URL is not mended by a slash.
        let mend = if text.contains(':') { String::new() } else { format!(": did you mean {}?", Quoted::new(&mend)) };
        place.problem(problems, format_args!("{} must start with `/`{mend}", Quoted::new(text)));
    }
    for fault in text::faults(text, Lines::One, usize::MAX) {
        if fault != InvalidText::Blank {
            place.problem(problems, fault);
        }
    }
}
