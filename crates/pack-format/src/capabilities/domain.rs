use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Quoted;

/// The maximum length of a host, in bytes. RFC 1035, section 2.3.4, allows 255 bytes on the wire, which is 253 as text.
const MAX_HOST: usize = 253;
/// The maximum length of a label, in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum InvalidDomain {
    #[error("must be a host such as `api.example.com`")]
    Empty,
    #[error("must be a host without {0}")]
    PartOfUrl(&'static str),
    #[error("has the port {}; must be a number from 1 to 65535", Quoted::new(.0))]
    Port(String),
    #[error("must be an IPv6 address in brackets, such as `[2001:db8::1]`")]
    Ipv6,
    #[error("ends in a number but is not an IPv4 address such as `192.0.2.1`")]
    Ipv4,
    #[error("has {0} characters; at most {MAX_HOST} are allowed")]
    TooLong(usize),
    #[error("has an empty label; labels must be separated by single dots")]
    EmptyLabel,
    #[error("has a label of {0} characters; at most {MAX_LABEL} are allowed")]
    LongLabel(usize),
    #[error("has a label that starts or ends with a hyphen")]
    Hyphen,
    #[error("is not ASCII; write international names in their ASCII form (`xn--…`)")]
    NotAscii,
    #[error("contains {}; a host may contain only letters, digits, `-`, `_`, dots and `*`", Quoted::new(&.0.to_string()))]
    Character(char),
}

/// Extracts the host, and the port if there is one, from text with a scheme, user name or path. Returns `None` if the
/// text has none of these parts, or if the host is invalid.
pub(super) fn nearest(text: &str) -> Option<String> {
    let host = split_url(text).host;
    (host != text && check(host).is_ok()).then(|| host.to_owned())
}

/// Normalizes a valid host pattern for comparison. Converts it to lower case, and removes a trailing dot and a default
/// port: 443, and also 80 if `allow_insecure` is true.
pub(super) fn normalize(text: &str, allow_insecure: bool) -> String {
    let lower = text.to_ascii_lowercase();
    let (host, port) = split_port(&lower);
    let host = host.strip_suffix('.').unwrap_or(host);
    // Compare the port as a number, because it may have leading zeros.
    match port.and_then(|port| port.parse::<u16>().ok()) {
        None | Some(443) => host.to_owned(),
        Some(80) if allow_insecure => host.to_owned(),
        Some(port) => format!("{host}:{port}"),
    }
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        // A colon inside brackets belongs to an IPv6 address.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

/// Checks a host pattern: a host name, an IPv4 address, or an IPv6 address in brackets. In a host name, `*` matches a
/// label or part of a label. A port, upper case and one trailing dot are allowed.
pub(super) fn check(text: &str) -> Result<(), InvalidDomain> {
    reject_url(text)?;
    let lower = text.to_ascii_lowercase();
    if lower.parse::<Ipv6Addr>().is_ok() {
        return Err(InvalidDomain::Ipv6);
    }
    let (host, port) = split_port(&lower);
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

/// Rejects text that contains a scheme, user name or path.
fn reject_url(text: &str) -> Result<(), InvalidDomain> {
    let Url { scheme, user, path, .. } = split_url(text);
    let part = match (scheme, user) {
        (Some(_), _) if path.len() > 1 => "a scheme or path",
        (Some(_), _) => "a scheme",
        (None, Some(_)) => "a user name",
        (None, None) if !path.is_empty() => "a path",
        (None, None) => return Ok(()),
    };
    Err(InvalidDomain::PartOfUrl(part))
}

struct Url<'a> {
    scheme: Option<&'a str>,
    user: Option<&'a str>,
    /// The host, with its port if there is one.
    host: &'a str,
    path: &'a str,
}

fn split_url(text: &str) -> Url<'_> {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    Url { scheme, user, host, path }
}

/// Checks a host name, a host name pattern or an IPv4 address, without a port.
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
    let is_number = host.rsplit('.').next().is_some_and(is_url_number);
    if is_number && host.parse::<Ipv4Addr>().is_err() {
        return Err(InvalidDomain::Ipv4);
    }
    Ok(())
}

/// Returns whether URL parsers treat a host that ends with this label as an IPv4 address (WHATWG URL, "ends in a number
/// checker"). They do if the label is a decimal or octal number, or a hexadecimal number such as `0x7f`. The label must
/// be in lower case.
fn is_url_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
