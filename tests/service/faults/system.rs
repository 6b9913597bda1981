use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use super::proxy::{self, Script, Service};
use crate::support::{Answer, Embedded, Holdings, Local, PackArchive};

/// How long all may take to come right once the faults are gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// The service in a process of its own, a proxy before each of its backends, and the backends in the test's process,
/// where they outlive it.
pub(crate) struct System {
    /// What the proxies do.
    pub(crate) script: Arc<Script>,
    /// The running service; `None` while it is dead.
    pub(crate) local: Option<Local>,
    embedded: Embedded,
    variables: Vec<(&'static str, String)>,
}

impl System {
    /// Starts the backends, the proxies and the service.
    pub(crate) async fn start() -> Self {
        let embedded = Embedded::start().await;
        let backends = &embedded.backends;
        let script = Arc::new(Script::default());
        let stand_before = |service, backend: String| proxy::start(service, backend, script.clone());
        let s3 = stand_before(Service::S3, backends.endpoints.s3.clone()).await;
        let dynamodb = stand_before(Service::DynamoDb, backends.endpoints.dynamodb.clone()).await;
        let sqs = stand_before(Service::Sqs, backends.endpoints.sqs.clone()).await;
        let registry = stand_before(Service::Registry, format!("http://{}", backends.registry)).await;
        let variables = vec![
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local-secret".to_owned()),
            ("AWS_ENDPOINT_URL_S3", format!("http://{s3}")),
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{dynamodb}")),
            ("AWS_ENDPOINT_URL_SQS", format!("http://{sqs}")),
            ("REGISTRY", registry),
            ("REQUEST_DEADLINE_MS", "4000".to_owned()),
            ("REQUEUE_AFTER_MS", "1000".to_owned()),
            ("REQUEUE_EVERY_MS", "200".to_owned()),
        ];
        let mut system = Self { script, local: None, embedded, variables };
        system.revive().await;
        system
    }

    /// Starts the service again after its death.
    pub(crate) async fn revive(&mut self) {
        let data = self.local.take().map_or_else(|| TempDir::new().unwrap(), Local::kill);
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.local = Some(Local::start_in(data, &variables).await);
    }

    /// The running service.
    pub(crate) fn local(&self) -> &Local {
        self.local.as_ref().unwrap()
    }

    /// What the backends keep, read past the proxies.
    pub(crate) async fn holdings(&self) -> Holdings {
        Holdings::of_backends(&self.embedded).await
    }

    /// Uploads a pack of this name; `None` if the process died over it.
    pub(crate) async fn upload(&mut self, name: &str) -> Option<Answer> {
        let request = self.local().request("POST", "/v1/packs/upload").bearer_auth(self.local().key("acme"));
        let form = crate::support::form(PackArchive::new(name, "1.0.0").finish());
        let answered = async { Some(Answer::of(request.multipart(form).send().await.ok()?).await) };
        let answer = tokio::select! {
            biased;
            () = self.script.kill.notified() => None,
            answer = answered => answer,
        };
        if answer.is_none() {
            self.revive().await;
        }
        answer
    }

    /// Waits until no build is outstanding; brings the process back if it is killed meanwhile.
    pub(crate) async fn settle(&mut self) {
        let began = Instant::now();
        while !self.holdings().await.outstanding.is_empty() {
            assert!(began.elapsed() < PATIENCE, "a build stays outstanding: {}", self.local().log());
            tokio::select! {
                () = self.script.kill.notified() => self.revive().await,
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        }
    }

    /// Fails unless this record is ready, alone under its name, and its image is in the registry with its digest.
    pub(crate) async fn expect_good(&self, record: &Value) {
        let (id, name) = (record["id"].as_str().unwrap(), record["name"].as_str().unwrap());
        let now = self.local().get("acme", &format!("/v1/packs/{id}")).await;
        assert_eq!(now.body["build_status"], "ready", "{}", now.body);
        let url = format!("http://{}/v2/acme/{name}/manifests/1.0.0", self.embedded.backends.registry);
        let manifest = reqwest::Client::new()
            .get(url)
            .header("accept", "application/vnd.oci.image.manifest.v1+json")
            .send()
            .await
            .unwrap();
        assert_eq!(manifest.headers()["docker-content-digest"], record["image_digest"].as_str().unwrap());
        let list = self.local().get("acme", &format!("/v1/packs?name={name}")).await;
        let ids: Vec<_> = list.body["packs"].as_array().unwrap().iter().map(|pack| &pack["id"]).collect();
        assert_eq!(ids, [&record["id"]], "one record has the name");
    }
}
