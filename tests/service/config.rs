//! Tests for the configuration that the Lambda functions and `admin` read from environment variables, and for its
//! agreement with docs/configuration.md and template.yaml.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use pack_format::Limits;
use pack_upload::{
    aws::Staging,
    config::{Admin, Api, Builder, ConfigError, Requeue},
    identity::{JwksSettings, OrgLimit, SessionSettings, Settings},
    lifecycle::Purger,
    registry::{Credentials, RepositoryTags},
    signing,
};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use strum::VariantArray as _;

const REQUIRED: [(&str, &str); 5] = [
    ("TABLE_NAME", "packs"),
    ("STAGING_BUCKET", "staging"),
    ("BUILD_QUEUE_URL", "https://sqs.example/1/builds"),
    ("PURGE_QUEUE_URL", "https://sqs.example/1/purges"),
    ("REGISTRY", "registry.example:5000/packs"),
];

/// Returns a function that looks up a variable in `more`, then among the required variables.
fn environment(more: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    let all = REQUIRED.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let all: HashMap<String, String> = all.collect();
    move |name| all.get(name).cloned()
}

fn variables(error: &ConfigError) -> Vec<&str> {
    error.variables.iter().map(|variable| variable.name.as_str()).collect()
}

#[test]
fn only_the_required_variables_must_be_set() {
    let api = Api::read(environment(&[])).unwrap();
    assert_eq!((api.table_name.as_str(), api.staging_bucket.as_str()), ("packs", "staging"));
    assert_eq!(api.build_queue_url, "https://sqs.example/1/builds");
    assert_eq!(api.purge_queue_url, "https://sqs.example/1/purges");
    assert_eq!(api.registry.to_string(), "registry.example:5000/packs");
    assert_eq!((api.limits, api.deadline), (Limits::default(), Duration::from_secs(24)));
    assert_eq!(api.identity, Settings::default());
    assert_eq!(api.identity.cache_for, Duration::from_secs(30));
    assert!(!api.s3_path_style);

    let builder = Builder::read(environment(&[])).unwrap();
    assert!(matches!(builder.registry.credentials, Credentials::None) && !builder.registry.plain_http);
    assert_eq!(builder.signing, None);
    let requeue = Requeue::read(environment(&[])).unwrap();
    assert_eq!([api.resend_after, builder.resend_after, requeue.resend_after], [Duration::from_secs(3_600); 3]);
    assert_eq!(Admin::read(environment(&[])).unwrap().table_name, "packs");
}

#[test]
fn an_error_lists_every_missing_or_invalid_variable() {
    let nothing = |_: &str| None;
    assert_eq!(
        variables(&Api::read(nothing).unwrap_err()),
        ["TABLE_NAME", "STAGING_BUCKET", "BUILD_QUEUE_URL", "PURGE_QUEUE_URL", "REGISTRY"]
    );
    assert_eq!(variables(&Builder::read(nothing).unwrap_err()), ["TABLE_NAME", "STAGING_BUCKET", "REGISTRY"]);
    assert_eq!(
        variables(&Requeue::read(nothing).unwrap_err()),
        ["TABLE_NAME", "STAGING_BUCKET", "BUILD_QUEUE_URL", "PURGE_QUEUE_URL"]
    );
    assert_eq!(variables(&Admin::read(nothing).unwrap_err()), ["TABLE_NAME"]);

    let invalid = [
        ("TABLE_NAME", ""),
        ("REGISTRY", "https://r.example"),
        ("LIMIT_ENTRIES", "many"),
        ("CALL_ATTEMPT_TIMEOUT_MS", "-1"),
    ];
    let error = Api::read(environment(&invalid)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid configuration: TABLE_NAME is not set; REGISTRY has the invalid value \"https://r.example\": \
         \"https://r.example\" is not a registry address; write host[:port][/prefix], without a scheme; \
         LIMIT_ENTRIES has the invalid value \"many\": invalid digit found in string; CALL_ATTEMPT_TIMEOUT_MS has the \
         invalid value \"-1\": invalid digit found in string"
    );
}

/// Returns the limits by their upper-case names.
fn by_name(limits: &Limits) -> BTreeMap<String, u64> {
    let mut values = BTreeMap::new();
    limits.map(|name, value| {
        values.insert(name.to_uppercase(), value);
        value
    });
    values
}

/// Reads docs/configuration.md and returns the default of each variable with this prefix. The keys are the names
/// without the prefix.
fn documented(prefix: &str) -> BTreeMap<String, u64> {
    let document = include_str!("../../docs/configuration.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.strip_prefix(prefix)?.split_once("` | "));
    rows.map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap().parse().unwrap())).collect()
}

#[test]
fn every_limit_has_the_documented_default_and_can_be_set() {
    let (mut documented, default) = (documented("LIMIT_"), by_name(&Limits::default()));
    documented.retain(|name, _| !name.starts_with("LARGE_"));
    assert_eq!(documented, default);
    for (name, value) in documented {
        let (variable, value) = (format!("LIMIT_{name}"), value + 1);
        let api = Api::read(environment(&[(&variable, &value.to_string())])).unwrap();
        let mut expected = default.clone();
        expected.insert(name, value);
        assert_eq!(by_name(&api.limits), expected);
    }
}

#[test]
fn every_org_limit_has_the_documented_default_and_can_be_set() {
    let documented = documented("ORG_");
    assert_eq!(documented.len(), OrgLimit::VARIANTS.len());
    let default = Api::read(environment(&[])).unwrap().org_limits;
    for (name, value) in documented {
        let limit: OrgLimit = name.to_lowercase().parse().unwrap();
        assert_eq!(default.maximum(limit), Some(value), "{limit}");
        for (text, expected) in [("7", Some(7)), ("0", None)] {
            let api = Api::read(environment(&[(&format!("ORG_{name}"), text)])).unwrap();
            assert_eq!(api.org_limits.maximum(limit), expected, "{limit}");
        }
    }
}

#[test]
fn every_limit_for_large_archives_has_the_documented_default_and_can_be_set() {
    let default = by_name(&Limits::large());
    for (name, value) in documented("LIMIT_LARGE_") {
        assert_eq!(default[&name], value, "{name}");
        let (variable, value) = (format!("LIMIT_LARGE_{name}"), (value + 1).to_string());
        let settings = [(variable.as_str(), value.as_str())];
        let (api, builder) =
            (Api::read(environment(&settings)).unwrap(), Builder::read(environment(&settings)).unwrap());
        let mut expected = default.clone();
        expected.insert(name, value.parse().unwrap());
        assert_eq!(by_name(&api.large_limits), expected);
        assert_eq!((api.limits, builder.limits), (Limits::default(), api.large_limits));
    }
}

#[test]
fn the_timeouts_and_the_retry_settings_can_be_set() {
    let settings = [
        ("REQUEST_DEADLINE_MS", "12"),
        ("PURGE_WAIT_MS", "25"),
        ("CONNECT_TIMEOUT_MS", "13"),
        ("CALL_ATTEMPT_TIMEOUT_MS", "14"),
        ("TRANSFER_ATTEMPT_TIMEOUT_MS", "15"),
        ("SEND_TIMEOUT_MS", "16"),
        ("PUSH_TIMEOUT_MS", "17"),
        ("BUILD_LEASE_MS", "24"),
        ("REQUEUE_AFTER_MS", "18"),
        ("MAX_TRIES", "19"),
        ("GIVE_UP_AFTER_MS", "20"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9001"),
    ];
    let milliseconds = Duration::from_millis;
    let api = Api::read(environment(&settings)).unwrap();
    let builder = Builder::read(environment(&settings)).unwrap();
    let requeue = Requeue::read(environment(&settings)).unwrap();
    assert_eq!((api.deadline, api.purge_wait), (milliseconds(12), milliseconds(25)));
    for timeouts in [&api.timeouts, &builder.timeouts, &requeue.timeouts] {
        let found = [timeouts.connect, timeouts.call, timeouts.transfer, timeouts.send];
        assert_eq!(found, [13, 14, 15, 16].map(milliseconds));
    }
    assert_eq!(builder.registry.push_timeout, milliseconds(17));
    assert_eq!(builder.lease, milliseconds(24));
    assert_eq!([api.resend_after, builder.resend_after, requeue.resend_after], [milliseconds(18); 3]);
    assert_eq!(requeue.settings.give_up_after, milliseconds(20));
    assert_eq!(requeue.settings.max_tries, 19);
    assert!(api.s3_path_style && builder.s3_path_style);
}

#[test]
fn the_old_names_of_renamed_variables_are_rejected() {
    let timeouts = [("CALL_TIMEOUT_MS", "1"), ("TRANSFER_TIMEOUT_MS", "1")];
    assert_eq!(variables(&Api::read(environment(&timeouts)).unwrap_err()), ["CALL_TIMEOUT_MS", "TRANSFER_TIMEOUT_MS"]);
    assert_eq!(variables(&Builder::read(environment(&timeouts)).unwrap_err()).len(), 2);
    assert_eq!(variables(&Admin::read(environment(&timeouts)).unwrap_err()).len(), 2);

    let settings = [timeouts[0], timeouts[1], ("MAX_ATTEMPTS", "5"), ("MAX_SENDS", "5")];
    let error = Requeue::read(environment(&settings)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid configuration: MAX_ATTEMPTS was renamed: set MAX_TRIES instead; MAX_SENDS was renamed: \
         set MAX_TRIES instead; CALL_TIMEOUT_MS was renamed: set CALL_ATTEMPT_TIMEOUT_MS instead; TRANSFER_TIMEOUT_MS was renamed: set \
         TRANSFER_ATTEMPT_TIMEOUT_MS instead"
    );
    assert!(Requeue::read(environment(&[("MAX_ATTEMPTS", ""), ("MAX_SENDS", ""), ("MAX_TRIES", "3")])).is_ok());
}

#[test]
fn large_limits_must_not_be_lower_than_request_limits() {
    let read = |settings: &[(&str, &str)]| Api::read(environment(settings)).map(|api| api.large_limits);
    assert_eq!(read(&[]), Ok(Limits::large()));
    let default = Limits {
        compressed_bytes: 268_435_456,
        unpacked_bytes: 1_073_741_824,
        file_bytes: 134_217_728,
        ..Limits::default()
    };
    assert_eq!(Limits::large(), default);
    assert_eq!(read(&[("LIMIT_FILE_BYTES", "200000000")]), Ok(Limits { file_bytes: 200_000_000, ..Limits::large() }));
    let error = read(&[("LIMIT_LARGE_UNPACKED_BYTES", "67108863")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid configuration: LIMIT_LARGE_UNPACKED_BYTES is less than 67108864, the limit for archives that are sent \
         in the request"
    );
}

#[test]
fn registry_credentials_must_be_complete_and_are_not_printed() {
    let credentials =
        |more: &[(&str, &str)]| Builder::read(environment(more)).map(|builder| builder.registry.credentials);
    let ecr = |tags| credentials(&[("REGISTRY_AUTH", "ecr"), ("ECR_REPOSITORY_TAGS", tags)]);
    assert!(matches!(ecr(""), Ok(Credentials::Ecr { tags }) if tags == RepositoryTags::default()));
    assert!(matches!(ecr("a=b,c="), Ok(Credentials::Ecr { tags }) if tags == "a=b,c=".parse().unwrap()));
    assert_eq!(variables(&ecr("a=b,c").unwrap_err()), ["ECR_REPOSITORY_TAGS"]);
    let basic = [("REGISTRY_AUTH", "basic"), ("REGISTRY_USERNAME", "ci"), ("REGISTRY_PASSWORD", "hunter2")];
    let found = credentials(&basic).unwrap();
    assert!(!format!("{found:?}").contains("hunter2"));
    let Credentials::Basic { username, password } = found else { panic!("{found:?}") };
    assert_eq!((username.as_str(), password.expose_secret()), ("ci", "hunter2"));

    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf";
    let secret = [("REGISTRY_AUTH", "secret"), ("REGISTRY_SECRET_ARN", arn)];
    assert!(matches!(credentials(&secret), Ok(Credentials::Secret { arn: found }) if found == arn));

    assert_eq!(variables(&credentials(&[("REGISTRY_AUTH", "secret")]).unwrap_err()), ["REGISTRY_SECRET_ARN"]);
    let error = credentials(&[("REGISTRY_AUTH", "basic")]).unwrap_err();
    assert_eq!(variables(&error), ["REGISTRY_USERNAME", "REGISTRY_PASSWORD"]);
    assert_eq!(variables(&credentials(&[("REGISTRY_AUTH", "iam")]).unwrap_err()), ["REGISTRY_AUTH"]);
}

/// Returns the value of the first `key` after `resource` in template.yaml.
fn template(resource: &str, key: &str) -> u64 {
    let template = include_str!("../../template.yaml");
    let (_, after) = template.split_once(&format!("\n  {resource}:\n")).expect("the template has the resource");
    let (_, value) = after.split_once(&format!(" {key}: ")).expect("the resource has the key");
    value.lines().next().and_then(|value| value.parse().ok()).expect("a number")
}

/// If the lease expired earlier, a late request from one build could change the registry during the next build (see
/// crates/publishing-model). If it expired later, a crashed build could still hold it when its job is redelivered.
#[test]
fn a_lease_outlasts_its_build_and_expires_before_the_job_is_redelivered() {
    let builder = Builder::read(environment(&[])).unwrap();
    let function = Duration::from_secs(template("BuilderFunction", "Timeout"));
    assert!(builder.lease >= function + builder.registry.push_timeout, "{:?} is too short", builder.lease);
    for queue in ["BuildQueue", "PurgeQueue"] {
        assert!(builder.lease < Duration::from_secs(template(queue, "VisibilityTimeout")), "{queue}");
    }
    assert!(Purger::LEASE_WAIT + builder.registry.push_timeout < function, "a purge that waits for a build times out");
}

#[test]
fn the_api_responds_before_its_function_times_out() {
    let api = Api::read(environment(&[])).unwrap();
    assert_eq!(api.purge_wait, Duration::from_secs(15));
    assert!(api.purge_wait < api.deadline);
    let worst = api.deadline + api.timeouts.send;
    let timeout = Duration::from_secs(template("ApiFunction", "Timeout"));
    assert!(worst + Duration::from_secs(1) < timeout, "{worst:?} leaves no time to respond");
    assert!(timeout < Duration::from_secs(30), "API Gateway waits 30 s (the maximum for an HTTP API)");
}

#[test]
fn staged_archives_outlive_their_builds() {
    let day = Duration::from_secs(24 * 3_600);
    let expires_after = Staging::EXPIRES_AFTER;
    assert_eq!(Staging::EXPIRING, ["staging", "uploads"], "the prefixes in template.yaml");
    assert_eq!(u32::try_from(template("StagingBucket", "ExpirationInDays")).unwrap() * day, expires_after);
    assert_eq!(u32::try_from(template("StagingBucket", "DaysAfterInitiation")).unwrap() * day, expires_after);

    let requeue = Requeue::read(environment(&[])).unwrap();
    let settings = requeue.settings;
    assert_eq!((settings.give_up_after, settings.archive_expires_after), (day, expires_after));
    assert!(settings.give_up_after + requeue.resend_after < expires_after);
    let timeout = Duration::from_secs(template("RequeueFunction", "Timeout"));
    assert!(settings.time_limit + Duration::from_secs(20) <= timeout, "a sweep needs time for its last records");
    for queue in ["BuildQueue", "PurgeQueue"] {
        let redelivered_for = template(queue, "VisibilityTimeout") * template(queue, "maxReceiveCount");
        assert!(
            Duration::from_secs(redelivered_for) <= requeue.resend_after,
            "a job is sent again while {queue} still redelivers it"
        );
        assert_eq!(
            Duration::from_secs(template(queue, "MessageRetentionPeriod")),
            pack_upload::requeue::Requeue::JOB_EXPIRES_AFTER
        );
    }
}

#[test]
fn a_signing_key_is_in_a_file_or_in_kms() {
    let signing = |more: &[_]| Builder::read(environment(more)).map(|builder| builder.signing);
    let file = [("SIGNING", "file"), ("SIGNING_KEY_FILE", "/keys/signing.pem")];
    assert_eq!(signing(&file).unwrap(), Some(signing::Settings::File("/keys/signing.pem".into())));
    let kms = [("SIGNING", "kms"), ("SIGNING_KMS_KEY", "alias/attestations")];
    assert_eq!(signing(&kms).unwrap(), Some(signing::Settings::Kms("alias/attestations".to_owned())));
    for (value, variable) in [("file", "SIGNING_KEY_FILE"), ("kms", "SIGNING_KMS_KEY"), ("on", "SIGNING")] {
        assert_eq!(variables(&signing(&[("SIGNING", value)]).unwrap_err()), [variable]);
    }
}

const SESSIONS: [(&str, &str); 3] = [
    ("SESSION_ISSUER", "https://id.example/"),
    ("SESSION_AUDIENCE", "packs"),
    ("SESSION_JWKS_URL", "https://id.example/.well-known/jwks.json"),
];

#[test]
fn the_issuer_and_the_jwks_url_must_be_set_together() {
    let sessions = Api::read(environment(&SESSIONS)).unwrap().identity.sessions.unwrap();
    let jwks = JwksSettings::new("https://id.example/.well-known/jwks.json".parse().unwrap());
    assert_eq!(
        sessions,
        SessionSettings { issuer: "https://id.example/".to_owned(), audience: Some("packs".to_owned()), jwks }
    );
    assert_eq!(sessions.jwks.refresh_pause, Duration::from_secs(60));
    let [issuer, audience, url] = SESSIONS;
    assert_eq!(variables(&Api::read(environment(&[issuer, audience])).unwrap_err()), ["SESSION_JWKS_URL"]);
    assert_eq!(variables(&Api::read(environment(&[url, audience])).unwrap_err()), ["SESSION_ISSUER"]);
    assert_eq!(variables(&Api::read(environment(&[audience])).unwrap_err()), ["SESSION_ISSUER", "SESSION_JWKS_URL"]);
}

#[test]
fn without_an_audience_the_jwks_url_must_name_a_client() {
    let read = |url| Api::read(environment(&[SESSIONS[0], ("SESSION_JWKS_URL", url)]));
    let sessions = read("https://api.workos.com/sso/jwks/client_01H").unwrap().identity.sessions.unwrap();
    assert_eq!(sessions.audience, None);
    assert_eq!(variables(&read("https://id.example/.well-known/jwks.json").unwrap_err()), ["SESSION_AUDIENCE"]);
}

#[test]
fn the_jwks_url_uses_https_unless_the_host_is_loopback() {
    let jwks = |url: &str| Api::read(environment(&[SESSIONS[0], SESSIONS[1], ("SESSION_JWKS_URL", url)]));
    for valid in ["https://id.example", "http://127.0.0.1:8080/keys", "http://[::1]:8080/", "http://localhost/keys"] {
        assert!(jwks(valid).is_ok(), "{valid}");
    }
    for invalid in
        ["id.example", "http://id.example/keys", "http://127.0.0.1.id.example/", "file:///keys", "http://10.0.0.1/"]
    {
        assert_eq!(variables(&jwks(invalid).unwrap_err()), ["SESSION_JWKS_URL"], "{invalid}");
    }
}

#[test]
fn the_base_domain_must_be_a_domain_name() {
    let base_domain = |text: &str| {
        Api::read(environment(&[("TENANT_BASE_DOMAIN", text)])).map(|api| api.identity.base_domain.unwrap().to_string())
    };
    assert_eq!(base_domain("Packs.Example.com"), Ok("packs.example.com".to_owned()));
    assert_eq!(base_domain("localhost"), Ok("localhost".to_owned()));
    for invalid in
        ["https://packs.example", ".packs.example", "packs.example.", "packs.example:443", "*.example", "a b", "-a.b"]
    {
        assert_eq!(variables(&base_domain(invalid).unwrap_err()), ["TENANT_BASE_DOMAIN"], "{invalid}");
    }
}

/// An operator may set the secret itself by mistake. In that case, the secret must not reach the log.
#[test]
fn origin_secrets_are_set_by_their_hashes_and_an_error_does_not_print_them() {
    let read = |text: &str| Api::read(environment(&[("ORIGIN_SECRET_SHA256", text)]));
    let hash = |secret: &str| hex::encode(Sha256::digest(secret));
    let accepts = |text: &str| {
        let secrets = read(text).unwrap().identity.origin_secrets.unwrap();
        ["one", "two", "three", ""].map(|secret| secrets.accept(secret.as_bytes()))
    };
    assert_eq!(accepts(&hash("one")), [true, false, false, false]);
    assert_eq!(accepts(&format!("{},{}", hash("one"), hash("two"))), [true, true, false, false]);
    assert_eq!(read("").unwrap().identity.origin_secrets, None);
    for invalid in ["hunter2", &hash("one")[1..], &format!("{},", hash("one")), &format!("{0}{0}", hash("one"))] {
        assert_eq!(
            read(invalid).unwrap_err().to_string(),
            "invalid configuration: ORIGIN_SECRET_SHA256 must be the SHA-256 of each accepted secret, in hexadecimal, \
             separated by commas"
        );
    }
}

/// Whatever the settings, a revocation takes effect within a minute.
#[test]
fn credentials_are_cached_for_at_most_a_minute() {
    let cache_for = |text: &str| {
        Api::read(environment(&[("CREDENTIAL_CACHE_MS", text)])).map(|api| api.identity.cache_for.as_millis())
    };
    assert_eq!((cache_for("0"), cache_for("60000")), (Ok(0), Ok(60_000)));
    for invalid in ["60001", "-1", "forever"] {
        assert_eq!(variables(&cache_for(invalid).unwrap_err()), ["CREDENTIAL_CACHE_MS"], "{invalid}");
    }
}
