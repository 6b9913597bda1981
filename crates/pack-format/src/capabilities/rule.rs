use super::{check_characters, domain, identifier, nonempty_list, one_of};
use crate::{
    Problems, Quoted,
    text::{self, TextForm},
    yaml::Field,
};

/// The keys that are validated. The values of other keys, such as CEL predicates and body schemas, are checked only for
/// forbidden characters.
const KEYS: [&str; 5] = ["name", "domains", "methods", "paths", "allow_insecure"];

/// The allowed HTTP methods: those of RFC 9110, section 9.3, except CONNECT and TRACE, and PATCH (RFC 5789).
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// Validates one rule in a capability's `allow`.
pub(super) fn validate(field: Field<'_>, problems: &mut Problems) {
    let Some(rule) = field.mapping(problems) else { return };
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
        check_characters(&rule.value(pair), problems);
    }
}

fn domain(field: &Field<'_>, problems: &mut Problems) {
    let Some(text) = field.text(problems) else { return };
    if let Err(error) = domain::check(text) {
        field.problem(problems, format_args!("{} {error}", Quoted::new(text)));
    }
}

fn path(field: &Field<'_>, problems: &mut Problems) {
    let Some(text) = field.text(problems) else { return };
    if !text.starts_with('/') {
        let found = Quoted::new(text);
        if text.contains(':') {
            // This is probably a URL, which a leading slash would not fix.
            field.problem(problems, format_args!("{found} must start with `/`"));
        } else {
            let suggestion = format!("/{}", text.trim_start_matches("./"));
            let suggestion = Quoted::new(&suggestion);
            field.problem(problems, format_args!("{found} must start with `/`: did you mean {suggestion}?"));
        }
    }
    for problem in text::check_characters(text, TextForm::SingleLine) {
        field.problem(problems, problem);
    }
}
