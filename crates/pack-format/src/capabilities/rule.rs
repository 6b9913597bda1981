use std::collections::{HashMap, HashSet, hash_map::Entry};

use super::{domain, identifier, nonempty_list, one_of};
use crate::{Problems, Quoted, text::is_line_break_or_tab, yaml::Field};

/// The keys that have their own validation. Other keys and their values, such as CEL predicates and body schemas, are
/// checked only for forbidden characters.
const KEYS: [&str; 5] = ["name", "domains", "methods", "paths", "allow_insecure"];

/// The allowed HTTP methods: PATCH (RFC 5789) and all methods in RFC 9110, section 9.3, except CONNECT and TRACE.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// Validates one rule in a capability's `allow`. Returns the rule's name, if any.
pub(super) fn validate<'a>(field: Field<'a>, problems: &mut Problems) -> Option<&'a str> {
    let rule = field.mapping(problems)?;
    let name = rule.get("name").and_then(|name| identifier::read(&name, problems));
    let allow_insecure = rule.get("allow_insecure");
    if let Some(domains) = rule.require("domains", "a list of hosts such as `api.example.com`", problems) {
        let is_insecure = allow_insecure.as_ref().is_some_and(|field| field.is_true());
        self::domains(&nonempty_list(&domains, "host", problems), is_insecure, problems);
    }
    if let Some(methods) = rule.require("methods", "a list of HTTP methods such as `GET`", problems) {
        for method in nonempty_list(&methods, "HTTP method", problems) {
            one_of(&method, &METHODS, problems);
        }
    }
    for path in rule.get("paths").and_then(|paths| paths.list(problems)).unwrap_or_default() {
        self::path(&path, problems);
    }
    if let Some(allow_insecure) = allow_insecure {
        allow_insecure.expect_boolean(problems);
    }
    rule.check_characters_of_others(&KEYS, problems);
    name
}

/// Validates a rule's hosts, whose normalized forms must all differ. Never suggests a host that is already in the rule.
fn domains(fields: &[Field<'_>], allow_insecure: bool, problems: &mut Problems) {
    let normalize = |host: &str| domain::normalize(host, allow_insecure);
    let is_valid = |host: &&str| domain::check(host).is_ok();
    let valid: HashSet<String> = fields.iter().filter_map(Field::scalar).filter(is_valid).map(normalize).collect();
    // The first host with each normalized form.
    let mut hosts: HashMap<String, String> = HashMap::new();
    for field in fields {
        let nearest = field.scalar().and_then(domain::nearest).filter(|host| {
            let host = normalize(host);
            !valid.contains(&host) && !hosts.contains_key(&host)
        });
        let Some(text) = field.validate(domain::check, |_| nearest.clone(), problems) else { continue };
        let host = nearest.as_deref().unwrap_or(text);
        if !is_valid(&host) {
            continue;
        }
        match hosts.entry(normalize(host)) {
            Entry::Vacant(vacant) => {
                vacant.insert(host.to_owned());
            }
            Entry::Occupied(first) => {
                let (found, first) = (Quoted::new(text), Quoted::new(first.get()));
                field.problem(
                    problems,
                    format_args!("{found} is the same host as {first}, which is already in this list; remove it"),
                );
            }
        }
    }
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

/// Adds the missing leading slash to a path, in place of any leading `./`. Returns `None` if the path already starts
/// with a slash, if it is probably a URL, or if the result would still be invalid.
fn nearest_path(text: &str) -> Option<String> {
    let path = format!("/{}", text.trim_start_matches("./"));
    (!text.contains(':') && !text.starts_with('/') && check_path(&path).is_ok()).then_some(path)
}
