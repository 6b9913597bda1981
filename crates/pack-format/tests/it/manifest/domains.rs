//! Tests which hosts are valid in `domains`, and which hosts are suggested in place of invalid ones.

use test_support::manifest::manifest_with_rule;

use crate::support::{assert_manifest_accepted, assert_manifest_rejected};

/// Returns a manifest with one rule. `yaml` is the content of its list of hosts.
fn domain(yaml: &str) -> String {
    manifest_with_rule(&format!("domains: [{yaml}]\nmethods: [GET]"))
}

#[test]
fn accepts_hosts_in_every_form() {
    for host in [
        "localhost",
        "api.example.com",
        "API.Example.COM.",
        "'*.example.com'",
        "'*'",
        "'api-*.example.com'",
        "xn--bcher-kva.example",
        "_dmarc.example.com",
        "1.example.com",
        "0x7f.example.com",
        "0xg",
        "example.com:443",
        "'example.com:8080'",
        "'*.example.com.:80'",
        "10.0.0.1",
        "'10.0.0.1:8443'",
        "'10.0.0.*'",
        "'[2001:db8::1]'",
        "'[::1]:8080'",
    ] {
        assert_manifest_accepted(domain(host));
    }
    assert_manifest_accepted(domain(&format!("{}.b", "a".repeat(63))));
    assert_manifest_accepted(domain(&"a.".repeat(127)));
}

#[test]
fn rejects_invalid_hosts_and_suggests_valid_ones() {
    for (host, message) in [
        (
            "'https://Example.com/v1'",
            "line 8: `https://Example.com/v1` must be a host without a scheme or path: did you mean `Example.com`?",
        ),
        (
            "'http://example.com'",
            "line 8: `http://example.com` must be a host without a scheme: did you mean `example.com`?",
        ),
        ("'//example.com'", "line 8: `//example.com` must be a host without a path"),
        ("example.com/v1", "line 8: `example.com/v1` must be a host without a path: did you mean `example.com`?"),
        (
            "user@example.com",
            "line 8: `user@example.com` must be a host without a user name: did you mean `example.com`?",
        ),
        (
            "'https://u:p@Example.com:8443/'",
            "line 8: `https://u:p@Example.com:8443/` must be a host without a scheme: did you mean `Example.com:8443`?",
        ),
        ("'a..b'", "line 8: `a..b` has an empty label; labels must be separated by single dots"),
        ("'.a'", "line 8: `.a` has an empty label; labels must be separated by single dots"),
        ("''", r#"line 8: `""` must be a host such as `api.example.com`"#),
        ("'.'", "line 8: `.` must be a host such as `api.example.com`"),
        ("exämple.com", "line 8: `exämple.com` is not ASCII; write international names in their ASCII form (`xn--…`)"),
        ("1.2.3", "line 8: `1.2.3` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("999.1.1.1", "line 8: `999.1.1.1` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("'0x7f000001'", "line 8: `0x7f000001` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("127.0.0.0X1", "line 8: `127.0.0.0X1` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("'0x.'", "line 8: `0x.` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("0x7f.0.0.1", "line 8: `0x7f.0.0.1` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("0177.0.0.1", "line 8: `0177.0.0.1` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("1.1.257", "line 8: `1.1.257` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("'2130706433:80'", "line 8: `2130706433:80` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("'*.1'", "line 8: `*.1` ends in a number but is not an IPv4 address such as `192.0.2.1`"),
        ("example.com:0", "line 8: `example.com:0` has the port `0`; must be a number from 1 to 65535"),
        ("'example.com:'", r#"line 8: `example.com:` has the port `""`; must be a number from 1 to 65535"#),
        ("example.com:65536", "line 8: `example.com:65536` has the port `65536`; must be a number from 1 to 65535"),
        ("example.com:http", "line 8: `example.com:http` has the port `http`; must be a number from 1 to 65535"),
        ("'::1'", "line 8: `::1` must be an IPv6 address in brackets, such as `[2001:db8::1]`"),
        ("'[::1'", "line 8: `[::1` must be an IPv6 address in brackets, such as `[2001:db8::1]`"),
        ("'[::g]'", "line 8: `[::g]` must be an IPv6 address in brackets, such as `[2001:db8::1]`"),
        ("'[1.2.3.4]'", "line 8: `[1.2.3.4]` must be an IPv6 address in brackets, such as `[2001:db8::1]`"),
        ("-a.b", "line 8: `-a.b` has a label that starts or ends with a hyphen"),
        ("a-.b", "line 8: `a-.b` has a label that starts or ends with a hyphen"),
        ("a b", "line 8: `a b` contains ` `; a host may contain only letters, digits, `-`, `_`, dots and `*`"),
        ("'a,b'", "line 8: `a,b` contains `,`; a host may contain only letters, digits, `-`, `_`, dots and `*`"),
        (
            "'{a,b}.c'",
            "line 8: `{a,b}.c` contains `{`; a host may contain only letters, digits, `-`, `_`, dots and `*`",
        ),
        ("'a?'", "line 8: `a?` must be a host without a path: did you mean `a`?"),
        ("'[ab].c'", "line 8: `[ab].c` must be an IPv6 address in brackets, such as `[2001:db8::1]`"),
        ("'a\\b'", "line 8: `a\\\\b` must be a host without a path: did you mean `a`?"),
        (
            &format!("{}.b", "a".repeat(64)),
            "line 8: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b` has a label of 64 characters; at most 63 are allowed",
        ),
        (
            &format!("{}b", "a.".repeat(127)),
            "line 8: \
             `a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.…` \
             has 255 characters; at most 253 are allowed",
        ),
    ] {
        assert_manifest_rejected(domain(host), &[("pack.yaml: capabilities[0].allow[0].domains[0]", message)]);
    }
}

#[test]
fn rejects_a_host_that_is_already_listed_in_another_form() {
    for (hosts, insecure) in [
        ("[a.example, A.Example]", ""),
        ("[a.example, a.example.]", ""),
        ("[a.example, 'a.example:443']", ""),
        ("[a.example, 'A.EXAMPLE.:0443']", ""),
        ("[a.example, 'a.example:80']", "\nallow_insecure: true"),
    ] {
        let yaml = manifest_with_rule(&format!("domains: {hosts}\nmethods: [GET]{insecure}"));
        let second = hosts.trim_matches(['[', ']']).split(", ").nth(1).unwrap().trim_matches('\'');
        let message =
            format!("line 8: `{second}` is the same host as `a.example`, which is already in this list; remove it");
        assert_manifest_rejected(yaml, &[("pack.yaml: capabilities[0].allow[0].domains[1]", &message)]);
    }
    for hosts in ["a.example, b.example", "a.example, 'a.example:80'", "a.example, 'a.example:8443'", "'*', a.example"]
    {
        assert_manifest_accepted(domain(hosts));
    }
}

#[test]
fn does_not_suggest_a_host_that_is_already_listed() {
    let yaml = manifest_with_rule(
        "domains: ['https://A.example/v1', a.example, 'https://b.example/1', 'https://b.example/2']\nmethods: [GET]",
    );
    assert_manifest_rejected(
        yaml,
        &[
            (
                "pack.yaml: capabilities[0].allow[0].domains[0]",
                "line 8: `https://A.example/v1` must be a host without a scheme or path",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].domains[2]",
                "line 8: `https://b.example/1` must be a host without a scheme or path: did you mean `b.example`?",
            ),
            (
                "pack.yaml: capabilities[0].allow[0].domains[3]",
                "line 8: `https://b.example/2` must be a host without a scheme or path",
            ),
        ],
    );
}
