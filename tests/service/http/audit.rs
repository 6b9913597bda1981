use std::{
    io,
    sync::{Arc, Mutex},
};

use pack_upload::{
    identity::{KeyTemplate, Settings},
    records::Timestamp,
};
use serde_json::{Value, json};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{Layer as _, filter::Targets, fmt, layer::SubscriberExt as _};

use super::{
    event,
    issuer::{Issuer, Key, claims},
    test_api::{TestApi, secret, with_credential},
};

/// The JSON lines that this thread logs from the service's own targets: from `pack_upload` at every level, and from
/// `audit` at INFO and above.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let lines = fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(move || writer.clone());
        let targets: Targets = "pack_upload=trace,audit=info".parse().unwrap();
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(targets));
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Clears the log. Returns its audit lines, with the fields `timestamp` and `at` set to null.
    fn take_audit(&self) -> Vec<Value> {
        let lines = self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
        self.0.lock().unwrap().clear();
        lines
            .into_iter()
            .filter(|line| line["target"] == "audit")
            .map(|mut line| {
                for time in ["timestamp", "at"] {
                    line[time].take().as_str().unwrap().parse::<Timestamp>().unwrap();
                }
                line
            })
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn span(credential_id: &str, pack_id: Option<&str>) -> Value {
    let mut span = json!({
        "name": "request",
        "request_id": "VqS0gh8rliAEJ7w=",
        "method": "POST",
        "route": "/v1/packs/upload",
        "org_id": "org_01JACME0000000000000000000",
        "credential_id": credential_id,
    });
    if let Some(id) = pack_id {
        span["pack_id"] = json!(id);
    }
    span
}

/// Returns the expected span of a request from acme that changes a pack.
fn span_of_change(method: &str, request_id: &str, id: &str) -> Value {
    let mut span = span(&format!("key:{}", secret("acme", KeyTemplate::FullAccess).hash().short()), Some(id));
    (span["method"], span["route"], span["request_id"]) = (json!(method), json!("/v1/packs/{id}"), json!(request_id));
    span
}

#[tokio::test]
async fn every_accepted_upload_is_audited() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    let api = TestApi::start_with(&issuer.settings()).await;
    let (log, _guard) = Log::start();
    let api_key = format!("key:{}", secret("acme", KeyTemplate::FullAccess).hash().short());
    let session = key.token(&json!({"alg": "ES256", "kid": "1"}), &claims());
    let by_session = with_credential(event("upload-http-api"), &session);

    let created = api.send(&event("upload-http-api")).await;
    let id = created.body["id"].as_str().unwrap();
    let line = |outcome: &str, credential_id: &str| {
        json!({
            "timestamp": null,
            "level": "INFO",
            "target": "audit",
            "message": "upload accepted",
            "event_type": "pack.upload",
            "actor": credential_id,
            "org_id": "org_01JACME0000000000000000000",
            "request_id": "VqS0gh8rliAEJ7w=",
            "at": null,
            "pack_id": id,
            "outcome": outcome,
            "pack_name": created.body["name"],
            "pack_version": created.body["version"],
            "visibility": created.body["visibility"],
            "image_digest": created.body["image_digest"],
            "span": span(credential_id, Some(id)),
        })
    };
    assert_eq!(log.take_audit(), [line("created", &api_key)]);

    assert_eq!(api.send(&by_session).await.status, 200);
    assert_eq!(log.take_audit(), [line("existing", "session:alice")]);

    let record = api.table.record(id.parse().unwrap()).await.unwrap().unwrap();
    assert!(api.table.mark_failed(&record, None, "broken", Timestamp::now()).await.unwrap());
    assert_eq!(api.send(&event("upload-http-api")).await.status, 200);
    assert_eq!(log.take_audit(), [line("queued_again", &api_key)]);
}

#[tokio::test]
async fn every_visibility_change_is_audited() {
    let api = TestApi::start().await;
    let created = api.send(&event("upload-http-api")).await;
    let id = created.body["id"].as_str().unwrap();
    let (log, _guard) = Log::start();
    let mut update = event("update");
    update["rawPath"] = json!(format!("/v1/packs/{id}"));
    assert_eq!(api.send(&update).await.status, 200);
    let span = span_of_change("PATCH", "VqS4pgXFFiAEMJx=", id);
    let line = json!({
        "timestamp": null,
        "level": "INFO",
        "target": "audit",
        "message": "visibility set",
        "event_type": "pack.set_visibility",
        "actor": span["credential_id"],
        "org_id": span["org_id"],
        "request_id": span["request_id"],
        "at": null,
        "pack_id": id,
        "pack_name": created.body["name"],
        "pack_version": created.body["version"],
        "visibility": "community",
        "span": span,
    });
    assert_eq!(log.take_audit(), [line]);
}

#[tokio::test]
async fn every_deletion_is_audited_even_if_its_purge_is_pending() {
    let api = TestApi::start().await;
    let created = api.send(&event("upload-http-api")).await;
    let id = created.body["id"].as_str().unwrap();
    let (log, _guard) = Log::start();
    let mut delete = event("delete");
    delete["rawPath"] = json!(format!("/v1/packs/{id}"));
    assert_eq!(api.send(&delete).await.status, 502);
    let span = span_of_change("DELETE", "VqS4pgXFFiAEMJy=", id);
    let line = json!({
        "timestamp": null,
        "level": "INFO",
        "target": "audit",
        "message": "pack deleted",
        "event_type": "pack.delete",
        "actor": span["credential_id"],
        "org_id": span["org_id"],
        "request_id": span["request_id"],
        "at": null,
        "outcome": "pending",
        "pack_id": id,
        "pack_name": created.body["name"],
        "pack_version": created.body["version"],
        "image_digest": created.body["image_digest"],
        "span": span,
    });
    assert_eq!(log.take_audit(), [line]);
}

#[tokio::test]
async fn denied_requests_from_authenticated_callers_are_audited() {
    let base_domain = Some("packs.example".parse().unwrap());
    let api = TestApi::start_with(&Settings { base_domain, ..Settings::default() }).await;
    let (log, _guard) = Log::start();
    for (slug, template, host, code, reason) in [
        ("acme", KeyTemplate::ReadOnly, "acme", "permission_denied", "the credential lacks the permission caps:write"),
        (
            "acme",
            KeyTemplate::FullAccess,
            "globex",
            "permission_denied",
            "this host does not belong to the credential's org; use acme.packs.example",
        ),
        (
            "pastdue",
            KeyTemplate::FullAccess,
            "pastdue",
            "billing_inactive",
            "the org cannot upload packs: a payment is overdue, its trial has expired, or it is being shut down",
        ),
    ] {
        let secret = secret(slug, template);
        let mut event = with_credential(event("upload-http-api"), secret.reveal());
        event["requestContext"]["domainName"] = json!(format!("{host}.packs.example"));
        assert_eq!(api.send(&event).await.code().1, code);
        let mut span = span(&format!("key:{}", secret.hash().short()), None);
        span["org_id"] = json!(secret.org_id());
        let line = json!({
            "timestamp": null,
            "level": "INFO",
            "target": "audit",
            "message": "request rejected",
            "event_type": "request.reject",
            "actor": span["credential_id"],
            "org_id": span["org_id"],
            "request_id": span["request_id"],
            "at": null,
            "code": code,
            "reason": reason,
            "span": span,
        });
        assert_eq!(log.take_audit(), [line]);
    }
}

#[tokio::test]
async fn unauthenticated_requests_and_requests_that_change_nothing_are_not_audited() {
    let api = TestApi::start().await;
    let (log, _guard) = Log::start();
    let mut dry_run = event("upload-http-api");
    dry_run["rawQueryString"] = json!("dry_run=true");
    let unauthenticated = with_credential(event("upload-http-api"), "sk_nobody");
    for (event, status) in [(event("list"), 200), (dry_run, 200), (event("get"), 404), (unauthenticated, 401)] {
        assert_eq!(api.send(&event).await.status, status);
    }
    assert_eq!(log.take_audit(), [] as [Value; 0]);
}

#[tokio::test]
async fn no_log_line_contains_a_secret_or_the_content_of_an_archive() {
    let key = Key::ec();
    let issuer = Issuer::start(json!([key.jwk("1")])).await;
    let api = TestApi::start_with(&issuer.settings()).await;
    let (log, _guard) = Log::start();
    let sign = |claims: &Value| key.token(&json!({"alg": "ES256", "kid": "1"}), claims);
    let mut invalid = claims();
    invalid["permissions"] = json!("a secret of the claims");
    let secret = secret("acme", KeyTemplate::FullAccess).reveal().to_owned();
    let unknown = format!("{}A", &secret[..secret.len() - 1]);
    let credentials =
        [sign(&claims()), secret, unknown, sign(&invalid), "sk_malformed".to_owned(), "eyJ.e.f".to_owned()];
    let mut created = Value::Null;
    for credential in &credentials {
        let response = api.send(&with_credential(event("upload-http-api"), credential)).await;
        if response.status == 201 {
            created = response.body;
        }
        let mut in_url = event("list");
        in_url["rawQueryString"] = json!(format!("key={credential}"));
        assert_eq!(api.send(&in_url).await.code(), (401, "unauthenticated"));
    }
    let text = log.text();
    assert!(text.matches("\"status\":").count() >= 2 * credentials.len(), "{text}");
    assert!(text.contains("\"target\":\"audit\""));
    for credential in &credentials {
        let last = credential.rsplit(['.', '_']).next().unwrap();
        assert!(!text.contains(credential.as_str()), "{credential}");
        assert!(last.len() < 10 || !text.contains(last), "a part of {credential}");
    }
    let description = created["description"].as_str().unwrap();
    assert!(!text.contains(description) && !text.contains("a secret of the claims"), "{text}");
}
