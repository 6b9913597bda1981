use super::{domain, identifier, nonempty_list, one_of};
use crate::{Problems, text::is_line_break_or_tab, yaml::Field};

/// The keys that are validated. The values of other keys, such as CEL predicates and body schemas, are checked only for
/// forbidden characters.
const KEYS: [&str; 5] = ["name", "domains", "methods", "paths", "allow_insecure"];

/// The allowed HTTP methods: those of RFC 9110, section 9.3, except CONNECT and TRACE, and PATCH (RFC 5789).
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// Validates one rule in a capability's `allow`. Returns its name, if it has one.
pub(super) fn validate<'a>(field: Field<'a>, problems: &mut Problems) -> Option<&'a str> {
    let rule = field.mapping(problems)?;
    let name = rule.get("name").and_then(|name| identifier::read(&name, problems));
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
    rule.check_characters_of_others(&KEYS, problems);
    name
}

fn domain(field: &Field<'_>, problems: &mut Problems) {
    field.validate(domain::check, domain::nearest, problems);
}

fn path(field: &Field<'_>, problems: &mut Problems) {
    field.validate(check_path, nearest_path, problems);
}

fn check_path(text: &str) -> Result<(), &'static str> {
    match text {
        _ if text.contains(is_line_break_or_tab) => Err("must be a single line, without line breaks or tabs"),
        _ if !text.starts_with('/') => Err("must start with `/`"),
        _ => Ok(()),
    }
}

/// Returns the path with a leading slash, unless it is probably a URL.
fn nearest_path(text: &str) -> Option<String> {
    let path = format!("/{}", text.trim_start_matches("./"));
    (!text.contains(':') && !text.starts_with('/') && check_path(&path).is_ok()).then_some(path)
}
