use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Parser;
use pack_upload::{
    aws::{Queue, Staging, Table},
    http::Api,
    identity::{ApiKey, Billing, KeySecret, KeyTemplate, Org, Settings},
    local::{Backends, Clients, DataDir, Options, provision},
    pack::{Limits, Timestamp},
    upload::Uploads,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{Answer, event};

/// The boundary of the events under `events/`.
pub(crate) const BOUNDARY: &str = "------------------------d74496d66958873e";

/// The API on the embedded backends, with the org of the events under `events/`, and one that is overdue.
pub(crate) struct Backend {
    api: Arc<Api>,
    pub(crate) table: Table,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) backends: Backends,
    _data: DataDir,
    _folder: TempDir,
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: Options,
}

impl Backend {
    pub(crate) async fn start() -> Self {
        Self::start_with(&Settings::default()).await
    }

    /// The API for whom these settings let in.
    pub(crate) async fn start_with(settings: &Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Command::parse_from(["local", "--data-dir", folder.path().to_str().unwrap()]).options;
        let options =
            Options { s3_endpoint: None, dynamodb_endpoint: None, sqs_endpoint: None, registry: None, ..options };
        let data = DataDir::open(&options.data_dir).unwrap();
        let backends = Backends::start(&data, &options).await.unwrap();
        let clients = Clients::new(&backends.endpoints, &options).await;
        let queues = provision(&clients, &options).await.unwrap();
        let table = Table::new(clients.dynamodb.clone(), options.table_name);
        for (id, slug, billing) in [
            ("01JACME0000000000000000000", "acme", Billing::Active),
            ("01JPASTDVE0000000000000000", "pastdue", Billing::PastDue),
        ] {
            let org = Org { id: format!("org_{id}").parse().unwrap(), slug: slug.parse().unwrap(), billing };
            assert!(table.create_org(&org).await.unwrap());
            for template in KeyTemplate::ALL {
                let hash = secret(slug, template).hash();
                let key = ApiKey { hash, template, created_at: Timestamp::now(), revoked_at: None };
                table.put_api_key(org.id, &key).await.unwrap();
            }
        }
        let uploads = Uploads {
            table: table.clone(),
            staging: Staging::new(clients.s3, options.staging_bucket),
            queue: Queue::new(clients.sqs, queues.builds),
            registry: backends.registry.clone(),
            limits: Arc::new(Limits::default()),
            deadline: Duration::from_secs(20),
        };
        let api = Arc::new(Api::new(uploads, settings));
        Self { api, table, dynamodb: clients.dynamodb, backends, _data: data, _folder: folder }
    }

    pub(crate) async fn answer(&self, event: &Value) -> Answer {
        Answer::of(Arc::clone(&self.api), event).await
    }

    /// The answer to a list that shows this credential.
    pub(crate) async fn list_as(&self, credential: &str) -> Answer {
        self.answer(&with_credential(event("list"), credential)).await
    }

    /// The answer to the upload of a form with these parts.
    pub(crate) async fn upload(&self, parts: &[(&str, &[u8])]) -> Answer {
        self.answer(&upload(&form(parts))).await
    }
}

/// The event with this credential.
pub(crate) fn with_credential(mut event: Value, credential: &str) -> Value {
    event["headers"]["authorization"] = json!(format!("Bearer {credential}"));
    event
}

/// A key's secret, made as `local` makes it.
pub(crate) fn secret(slug: &str, template: KeyTemplate) -> KeySecret {
    let id = match slug {
        "acme" => "org_01JACME0000000000000000000",
        _ => "org_01JPASTDVE0000000000000000",
    };
    KeySecret::new(id.parse().unwrap(), Sha256::digest(format!("local {slug} {}", template.as_str())).into())
}

/// An upload event with this body.
pub(crate) fn upload(body: &[u8]) -> Value {
    let mut event = event("upload-http-api");
    event["body"] = json!(STANDARD.encode(body));
    event
}

/// A form with these parts.
pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}
