use super::{check_characters, domain, identifier, nonempty_list, one_of};
use crate::{
    Problems,
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
    field.validate(domain::check, domain::nearest, problems);
}

fn path(field: &Field<'_>, problems: &mut Problems) {
    let check = |text: &str| if text.starts_with('/') { Ok(()) } else { Err("must start with `/`") };
    // Text with a colon is probably a URL, which a leading slash would not fix.
    let nearest = |text: &str| (!text.contains(':')).then(|| format!("/{}", text.trim_start_matches("./")));
    let Some(text) = field.validate(check, nearest, problems) else { return };
    for problem in text::check_characters(text, TextForm::SingleLine) {
        field.problem(problems, problem);
    }
}
