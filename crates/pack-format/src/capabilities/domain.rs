use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Quoted;

/// The longest host, in bytes (RFC 1035, section 2.3.4, as text).
const MAX_HOST: usize = 253;
/// The longest label of a host, in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

/// Why a text is not a host pattern.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidDomain {
    #[error("must be a host such as `api.example.com`, and is empty")]
    Empty,
    #[error("must be a host alone, without {part}{}", mend(.host))]
    NotAlone { part: &'static str, host: String },
    #[error("has the port {}; a port is a number from 1 to 65535", Quoted::new(.0))]
    Port(String),
    #[error("is not an IPv6 address; one is written as `[2001:db8::1]`")]
    Ipv6,
    #[error("ends in a number and is not an IPv4 address")]
    Ipv4,
    #[error("has {0} characters; a host has at most {MAX_HOST}")]
    TooLong(usize),
    #[error("has an empty label; labels stand between single dots")]
    EmptyLabel,
    #[error("has a label of {0} characters; at most {MAX_LABEL} are allowed")]
    LongLabel(usize),
    #[error("has a label that begins or ends with a hyphen")]
    Hyphen,
    #[error("is not ASCII: write international names in their ASCII form, `xn--…`")]
    NotAscii,
    #[error("holds {}; a host holds only letters, digits, `-`, `_`, dots and `*`", Quoted::new(&.0.to_string()))]
    Character(char),
}

fn mend(host: &str) -> String {
    if check(host).is_ok() { format!(": write {}", Quoted::new(host)) } else { String::new() }
}

/// Checks a host pattern in its normalised form: lower case, no trailing dot, no default port. A `*` stands for any part
/// of a label or for all of it. Another port, an IPv4 address, and an IPv6 address in brackets are allowed.
pub(super) fn check(text: &str) -> Result<(), InvalidDomain> {
    not_alone(text)?;
    let lower = text.to_ascii_lowercase();
    if lower.parse::<Ipv6Addr>().is_ok() {
        return Err(InvalidDomain::Ipv6);
    }
    // The last colon that is not inside of brackets.
    let (host, port) = match lower.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (lower.as_str(), None),
    };
    if let Some(port) = port {
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(InvalidDomain::Port(port.to_owned()));
        }
    }
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or(InvalidDomain::Ipv6)?;
        return address.parse::<Ipv6Addr>().map(|_| ()).map_err(|_| InvalidDomain::Ipv6);
    }
    name(host.strip_suffix('.').unwrap_or(host))
}

/// Refuses what a URL has around its host, and says what the host is.
fn not_alone(text: &str) -> Result<(), InvalidDomain> {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let part = match (scheme, user) {
        (Some(_), _) if path.len() > 1 => "a scheme and a path",
        (Some(_), _) => "a scheme",
        (None, Some(_)) => "a user name",
        (None, None) if !path.is_empty() => "a path",
        (None, None) => return Ok(()),
    };
    Err(InvalidDomain::NotAlone { part, host: host.to_owned() })
}

/// Checks a host's name, or pattern of names, label by label.
fn name(host: &str) -> Result<(), InvalidDomain> {
    if host.is_empty() {
        return Err(InvalidDomain::Empty);
    }
    if !host.is_ascii() {
        return Err(InvalidDomain::NotAscii);
    }
    if host.len() > MAX_HOST {
        return Err(InvalidDomain::TooLong(host.len()));
    }
    for label in host.split('.') {
        let is_allowed = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '*');
        if label.is_empty() {
            return Err(InvalidDomain::EmptyLabel);
        }
        if let Some(char) = label.chars().find(|char| !is_allowed(char)) {
            return Err(InvalidDomain::Character(char));
        }
        if label.len() > MAX_LABEL {
            return Err(InvalidDomain::LongLabel(label.len()));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(InvalidDomain::Hyphen);
        }
    }
    // WHATWG URL, "ends in a number checker": resolvers take such a host for an address, whole or not.
    let is_number = host.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if is_number && host.parse::<Ipv4Addr>().is_err() {
        return Err(InvalidDomain::Ipv4);
    }
    Ok(())
}
