//! Configuration from environment variables.
//!
//! Each binary except `local` has a struct with its settings; `admin` has two, [`Admin`] and [`Operator`].
//! [`ConfigError`] lists every missing or invalid variable. An empty variable counts as not set.

mod operator;
mod reader;

use std::time::Duration;

use pack_format::Limits;
use strum::VariantArray as _;

use self::reader::Reader;
pub use self::{
    operator::Operator,
    reader::{ConfigError, InvalidVariable},
};
use crate::{
    aws::{Table, Timeouts},
    identity::{
        self, InvalidOriginSecrets, JwksSettings, JwksUrl, OrgLimit, OrgLimits, OriginSecrets, SessionSettings,
    },
    registry::{self, Credentials, RegistryAddress, RepositoryTags},
    requeue, signing,
};

/// The settings of `api`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// `TABLE_NAME`, required.
    pub table_name: String,
    /// `STAGING_BUCKET`, required.
    pub staging_bucket: String,
    /// `BUILD_QUEUE_URL`, required.
    pub build_queue_url: String,
    /// `PURGE_QUEUE_URL`, required.
    pub purge_queue_url: String,
    /// `REGISTRY`, required: `host[:port][/prefix]`.
    pub registry: RegistryAddress,
    /// `SESSION_ISSUER` and `SESSION_JWKS_URL`, both or neither; `SESSION_AUDIENCE`, which is required if the JWKS URL
    /// is under `/.well-known/`; `TENANT_BASE_DOMAIN`; `ORIGIN_SECRET_SHA256`; `CREDENTIAL_CACHE_MS`, at most 60,000,
    /// where 0 disables the cache.
    pub identity: identity::Settings,
    /// `LIMIT_…`, one variable for each limit on an archive that is sent in the request.
    pub limits: Limits,
    /// `LIMIT_LARGE_COMPRESSED_BYTES`, `LIMIT_LARGE_UNPACKED_BYTES` and `LIMIT_LARGE_FILE_BYTES`, for archives that
    /// clients send to S3. All other limits are the same as in `limits`.
    pub large_limits: Limits,
    /// `ORG_…`, one variable for each limit on what an org may do or store; 0 means that the limit does not apply.
    pub org_limits: OrgLimits,
    /// `REQUEST_DEADLINE_MS`: how long a request may take. For an upload, only the time until its record is written
    /// counts. The sum of this and `SEND_TIMEOUT_MS` must be less than the Lambda function's timeout of 29 seconds.
    pub deadline: Duration,
    /// `COMMUNITY_CACHE_MS`: how long pages of community packs are cached. 0 disables the cache.
    pub community_cache: Duration,
    /// `PURGE_WAIT_MS`: how long a deletion waits for its purge. It must be shorter than `REQUEST_DEADLINE_MS`.
    pub purge_wait: Duration,
    /// `REQUEUE_AFTER_MS`: how long after its first send a job is due again.
    pub resend_after: Duration,
    /// `CONNECT_TIMEOUT_MS`, `CALL_ATTEMPT_TIMEOUT_MS`, `TRANSFER_ATTEMPT_TIMEOUT_MS`, `SEND_TIMEOUT_MS`.
    pub timeouts: Timeouts,
    /// Whether to use path-style URLs for S3, as S3-compatible servers require: true if `AWS_ENDPOINT_URL_S3` or
    /// `AWS_ENDPOINT_URL` is set.
    pub s3_path_style: bool,
}

/// The settings of `builder`.
#[derive(Debug, Clone)]
pub struct Builder {
    /// `TABLE_NAME`, required.
    pub table_name: String,
    /// `STAGING_BUCKET`, required.
    pub staging_bucket: String,
    /// `REGISTRY`, required; `REGISTRY_AUTH` (`none`, `basic`, `secret` or `ecr`), `REGISTRY_USERNAME`,
    /// `REGISTRY_PASSWORD`, `REGISTRY_SECRET_ARN`, `ECR_REPOSITORY_TAGS` (`key=value,…`), `REGISTRY_PLAIN_HTTP` (`true`
    /// or `false`), `PUSH_TIMEOUT_MS`.
    pub registry: registry::Settings,
    /// `SIGNING` (`none`, `file` or `kms`), `SIGNING_KEY_FILE`, `SIGNING_KMS_KEY`. `None` if images are not attested.
    pub signing: Option<signing::Settings>,
    /// The same as [`Api::large_limits`], so that no archive that `api` accepted exceeds them.
    pub limits: Limits,
    /// `BUILD_LEASE_MS`: the duration of the lease that a build or a purge takes on its version. If a build or a purge
    /// crashes, others must wait until its lease expires. The lease must be at least as long as the sum of the Lambda
    /// function's timeout of 120 seconds and `PUSH_TIMEOUT_MS`, and shorter than the queues' visibility timeout.
    pub lease: Duration,
    /// The same as [`Api::resend_after`].
    pub resend_after: Duration,
    /// `EVENT_BUS_NAME`: the name or ARN of the EventBridge event bus to send events to. Without it, no events are
    /// sent.
    pub event_bus_name: Option<String>,
    /// The same as [`Api::timeouts`].
    pub timeouts: Timeouts,
    /// The same as [`Api::s3_path_style`].
    pub s3_path_style: bool,
}

/// The settings of `requeue`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requeue {
    /// `TABLE_NAME`, required.
    pub table_name: String,
    /// `STAGING_BUCKET`, required.
    pub staging_bucket: String,
    /// `BUILD_QUEUE_URL`, required.
    pub build_queue_url: String,
    /// `PURGE_QUEUE_URL`, required.
    pub purge_queue_url: String,
    /// `MAX_TRIES`, `GIVE_UP_AFTER_MS`.
    pub settings: requeue::Settings,
    /// The same as [`Api::resend_after`].
    pub resend_after: Duration,
    /// The same as [`Builder::event_bus_name`].
    pub event_bus_name: Option<String>,
    /// The same as [`Api::timeouts`].
    pub timeouts: Timeouts,
    /// The same as [`Api::s3_path_style`].
    pub s3_path_style: bool,
}

/// The settings of `admin` for the commands that need only the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// `TABLE_NAME`, required.
    pub table_name: String,
    /// The same as [`Api::timeouts`].
    pub timeouts: Timeouts,
}

impl Api {
    /// Reads the settings; `lookup` returns the value of a variable.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let (table_name, staging_bucket) = (reader.required("TABLE_NAME"), reader.required("STAGING_BUCKET"));
        let (build_queue_url, purge_queue_url) =
            (reader.required("BUILD_QUEUE_URL"), reader.required("PURGE_QUEUE_URL"));
        let registry = reader.required("REGISTRY");
        let identity = identity(&mut reader);
        let limits = limits(&mut reader);
        let large_limits = large_limits(&mut reader, &limits);
        let org_limits = org_limits(&mut reader);
        let deadline = reader.milliseconds("REQUEST_DEADLINE_MS", Duration::from_secs(24));
        let community_cache = reader.milliseconds("COMMUNITY_CACHE_MS", Duration::from_secs(3));
        let purge_wait = reader.milliseconds("PURGE_WAIT_MS", Duration::from_secs(15));
        let resend_after = resend_after(&mut reader);
        let timeouts = timeouts(&mut reader, Timeouts::default());
        let s3_path_style = s3_path_style(&mut reader);
        reader.finish(|| {
            Some(Self {
                table_name: table_name?,
                staging_bucket: staging_bucket?,
                build_queue_url: build_queue_url?,
                purge_queue_url: purge_queue_url?,
                registry: registry?,
                identity,
                limits,
                large_limits,
                org_limits,
                deadline,
                community_cache,
                purge_wait,
                resend_after,
                timeouts,
                s3_path_style,
            })
        })
    }
}

impl Builder {
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let (table_name, staging_bucket) = (reader.required("TABLE_NAME"), reader.required("STAGING_BUCKET"));
        let registry = registry(&mut reader);
        let signing = signing(&mut reader);
        let limits = limits(&mut reader);
        let limits = large_limits(&mut reader, &limits);
        let lease = reader.milliseconds("BUILD_LEASE_MS", Duration::from_secs(180));
        let resend_after = resend_after(&mut reader);
        let event_bus_name = event_bus_name(&mut reader);
        let timeouts = timeouts(&mut reader, Timeouts::default());
        let s3_path_style = s3_path_style(&mut reader);
        reader.finish(|| {
            Some(Self {
                table_name: table_name?,
                staging_bucket: staging_bucket?,
                registry: registry?,
                signing,
                limits,
                lease,
                resend_after,
                event_bus_name,
                timeouts,
                s3_path_style,
            })
        })
    }
}

impl Requeue {
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let (table_name, staging_bucket) = (reader.required("TABLE_NAME"), reader.required("STAGING_BUCKET"));
        let (build_queue_url, purge_queue_url) =
            (reader.required("BUILD_QUEUE_URL"), reader.required("PURGE_QUEUE_URL"));
        let default = requeue::Settings::default();
        reader.renamed("MAX_ATTEMPTS", "MAX_TRIES");
        reader.renamed("MAX_SENDS", "MAX_TRIES");
        let settings = requeue::Settings {
            max_tries: reader.optional("MAX_TRIES", default.max_tries),
            give_up_after: reader.milliseconds("GIVE_UP_AFTER_MS", default.give_up_after),
            ..default
        };
        let resend_after = resend_after(&mut reader);
        let event_bus_name = event_bus_name(&mut reader);
        let timeouts = timeouts(&mut reader, Timeouts::default());
        let s3_path_style = s3_path_style(&mut reader);
        reader.finish(|| {
            Some(Self {
                table_name: table_name?,
                staging_bucket: staging_bucket?,
                build_queue_url: build_queue_url?,
                purge_queue_url: purge_queue_url?,
                settings,
                resend_after,
                event_bus_name,
                timeouts,
                s3_path_style,
            })
        })
    }
}

impl Admin {
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let table_name = reader.required("TABLE_NAME");
        let timeouts = timeouts(&mut reader, Timeouts::default());
        reader.finish(|| Some(Self { table_name: table_name?, timeouts }))
    }
}

fn identity(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> identity::Settings {
    let default = identity::Settings::default();
    let sessions = ["SESSION_ISSUER", "SESSION_AUDIENCE", "SESSION_JWKS_URL"].iter().any(|name| reader.is_set(name));
    let sessions = sessions.then(|| {
        let (issuer, url) = (reader.required("SESSION_ISSUER"), reader.required::<JwksUrl>("SESSION_JWKS_URL"));
        let audience = reader.is_set("SESSION_AUDIENCE").then(|| reader.required("SESSION_AUDIENCE")).flatten();
        if audience.is_none() && url.as_ref().is_some_and(JwksUrl::is_well_known) {
            reader.reject(
                "SESSION_AUDIENCE",
                "is required with this SESSION_JWKS_URL: the keys under /.well-known/ belong to every client of the \
                 issuer; set the audience, or use the URL of a single client's keys"
                    .to_owned(),
            );
        }
        Some(SessionSettings { issuer: issuer?, audience, jwks: JwksSettings::new(url?) })
    });
    let base_domain = reader.is_set("TENANT_BASE_DOMAIN").then(|| reader.required("TENANT_BASE_DOMAIN"));
    let cache_for = reader.milliseconds("CREDENTIAL_CACHE_MS", default.cache_for);
    if cache_for > identity::Settings::MAX_CACHE {
        reader.reject(
            "CREDENTIAL_CACHE_MS",
            "is more than 60000: a revocation must take effect within a minute".to_owned(),
        );
    }
    let (sessions, base_domain) = (sessions.flatten(), base_domain.flatten());
    identity::Settings { sessions, base_domain, origin_secrets: origin_secrets(reader), cache_for }
}

/// Reads `ORIGIN_SECRET_SHA256`. The error does not contain the value, because someone may have set the secret itself
/// by mistake.
fn origin_secrets(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<OriginSecrets> {
    let parsed = reader.value("ORIGIN_SECRET_SHA256")?.parse();
    parsed.map_err(|error: InvalidOriginSecrets| reader.reject("ORIGIN_SECRET_SHA256", error.to_string())).ok()
}

/// Reads each limit from the variable with its name, such as `LIMIT_ENTRIES`.
fn limits(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Limits {
    Limits::default().map(|name, default| reader.optional(&format!("LIMIT_{}", name.to_uppercase()), default))
}

/// Reads the limits for archives that clients send to S3. Rejects a limit that is lower than its counterpart in
/// `limits`. If a variable is not set, uses the default or the counterpart, whichever is higher.
fn large_limits(reader: &mut Reader<impl Fn(&str) -> Option<String>>, limits: &Limits) -> Limits {
    let default = Limits::large();
    let mut limit = |name, default: u64, min| {
        let value = reader.optional(name, default.max(min));
        if value < min {
            reader.reject(name, format!("is less than {min}, the limit for archives that are sent in the request"));
        }
        value
    };
    Limits {
        compressed_bytes: limit("LIMIT_LARGE_COMPRESSED_BYTES", default.compressed_bytes, limits.compressed_bytes),
        unpacked_bytes: limit("LIMIT_LARGE_UNPACKED_BYTES", default.unpacked_bytes, limits.unpacked_bytes),
        file_bytes: limit("LIMIT_LARGE_FILE_BYTES", default.file_bytes, limits.file_bytes),
        ..limits.clone()
    }
}

/// Reads each limit from the variable with its name, such as `ORG_UPLOADS_PER_MINUTE`.
fn org_limits(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> OrgLimits {
    let mut value =
        |limit: OrgLimit| reader.optional(&format!("ORG_{}", limit.to_string().to_uppercase()), limit.default_value());
    OrgLimit::VARIANTS.iter().map(|&limit| (limit, value(limit))).collect()
}

fn timeouts(reader: &mut Reader<impl Fn(&str) -> Option<String>>, default: Timeouts) -> Timeouts {
    reader.renamed("CALL_TIMEOUT_MS", "CALL_ATTEMPT_TIMEOUT_MS");
    reader.renamed("TRANSFER_TIMEOUT_MS", "TRANSFER_ATTEMPT_TIMEOUT_MS");
    Timeouts {
        connect: reader.milliseconds("CONNECT_TIMEOUT_MS", default.connect),
        call: reader.milliseconds("CALL_ATTEMPT_TIMEOUT_MS", default.call),
        transfer: reader.milliseconds("TRANSFER_ATTEMPT_TIMEOUT_MS", default.transfer),
        send: reader.milliseconds("SEND_TIMEOUT_MS", default.send),
    }
}

fn resend_after(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Duration {
    reader.milliseconds("REQUEUE_AFTER_MS", Table::RESEND_AFTER)
}

fn event_bus_name(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<String> {
    reader.is_set("EVENT_BUS_NAME").then(|| reader.required("EVENT_BUS_NAME")).flatten()
}

fn s3_path_style(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> bool {
    reader.is_set("AWS_ENDPOINT_URL_S3") || reader.is_set("AWS_ENDPOINT_URL")
}

fn registry(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<registry::Settings> {
    let address = reader.required("REGISTRY");
    let credentials = match reader.optional("REGISTRY_AUTH", "none".to_owned()).as_str() {
        "none" => Some(Credentials::None),
        "basic" => {
            let (username, password) = (reader.required("REGISTRY_USERNAME"), reader.required("REGISTRY_PASSWORD"));
            username
                .zip(password)
                .map(|(username, password): (_, String)| Credentials::Basic { username, password: password.into() })
        }
        "secret" => reader.required("REGISTRY_SECRET_ARN").map(|arn| Credentials::Secret { arn }),
        "ecr" => Some(Credentials::Ecr { tags: reader.optional("ECR_REPOSITORY_TAGS", RepositoryTags::default()) }),
        other => {
            reader.reject("REGISTRY_AUTH", format!("has the invalid value {other:?}: use none, basic, secret or ecr"));
            None
        }
    };
    let plain_http = reader.optional("REGISTRY_PLAIN_HTTP", false);
    let push_timeout = reader.milliseconds("PUSH_TIMEOUT_MS", Duration::from_secs(60));
    Some(registry::Settings { address: address?, credentials: credentials?, plain_http, push_timeout })
}

fn signing(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<signing::Settings> {
    match reader.optional("SIGNING", "none".to_owned()).as_str() {
        "none" => None,
        "file" => reader.required("SIGNING_KEY_FILE").map(signing::Settings::File),
        "kms" => reader.required("SIGNING_KMS_KEY").map(signing::Settings::Kms),
        other => {
            reader.reject("SIGNING", format!("has the invalid value {other:?}: use none, file or kms"));
            None
        }
    }
}
