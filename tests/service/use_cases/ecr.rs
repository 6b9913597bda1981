//! Tests for pushes to ECR, for deletions from ECR, and for pushes with credentials from Secrets Manager. One server
//! emulates the ECR API, Secrets Manager and the registry. The registry accepts only the latest token.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use pack_format::Digest;
use pack_upload::{
    aws::Timeouts,
    registry::{self, Error, Referrer, Registry, Settings},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::fixture::{Validated, push_image};
use crate::support::{record_call, sdk};

#[derive(Default)]
struct Ecr {
    tokens: usize,
    token_life: Duration,
    repositories: Vec<String>,
    manifest: Option<Digest>,
    /// If set, Secrets Manager returns this secret instead of one that contains the token.
    secret: Option<&'static str>,
    /// If set, the tag points to this digest after every push.
    fixed_digest: Option<Digest>,
    /// The digests of the image's referrers. Each page of the list contains one.
    referrers: Vec<String>,
    /// The deleted digests, in the order of deletion.
    deleted: Vec<String>,
    /// The failure code that each deletion reports, if any.
    deletion_failure: Option<&'static str>,
}

impl Ecr {
    fn list_referrers(&self, request: &Value) -> Response {
        if self.repositories.is_empty() {
            return repository_not_found();
        }
        assert_eq!(request["filter"]["artifactStatus"], "ANY");
        let page: usize = request["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let referrers: Vec<_> = self
            .referrers
            .get(page)
            .map(|digest| json!({"digest": digest, "mediaType": "application/json", "size": 2}))
            .into_iter()
            .collect();
        let next = (page + 1 < self.referrers.len()).then(|| (page + 1).to_string());
        Json(json!({"referrers": referrers, "nextToken": next})).into_response()
    }

    fn delete(&mut self, request: &Value) -> Response {
        if self.repositories.is_empty() {
            return repository_not_found();
        }
        assert_eq!(request["repositoryName"], "acme/tools");
        let ids = request["imageIds"].as_array().unwrap();
        if let Some(code) = self.deletion_failure {
            let failure = json!({"imageId": ids[0], "failureCode": code, "failureReason": "not possible"});
            return Json(json!({"imageIds": [], "failures": [failure]})).into_response();
        }
        self.deleted.extend(ids.iter().map(|id| id["imageDigest"].as_str().unwrap().to_owned()));
        Json(json!({"imageIds": ids, "failures": []})).into_response()
    }
}

fn repository_not_found() -> Response {
    let error = json!({"__type": "RepositoryNotFoundException", "message": "no such repository"});
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}

type Shared = Arc<Mutex<Ecr>>;

async fn handle(State(ecr): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut ecr = ecr.lock().unwrap();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text("x-amz-target").rsplit('.').next() {
        Some("GetAuthorizationToken") => {
            record_call("builder", "ECR.GetAuthorizationToken");
            ecr.tokens += 1;
            let token = STANDARD.encode(format!("AWS:token-{}", ecr.tokens));
            let end = SystemTime::now() + ecr.token_life;
            let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            return Json(json!({"authorizationData": [{"authorizationToken": token, "expiresAt": end}]}))
                .into_response();
        }
        Some("GetSecretValue") => {
            record_call("builder", "SecretsManager.GetSecretValue");
            let request: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(request["SecretId"], SECRET_ARN);
            ecr.tokens += 1;
            let token = json!({"username": "AWS", "password": format!("token-{}", ecr.tokens)}).to_string();
            return Json(json!({"SecretString": ecr.secret.map_or(token, str::to_owned)})).into_response();
        }
        Some("CreateRepository") => {
            record_call("builder", "ECR.CreateRepository");
            let request: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(request["imageTagMutability"], "IMMUTABLE");
            assert_eq!(request["tags"], json!([{"Key": "application", "Value": "packs"}]));
            ecr.repositories.push(request["repositoryName"].as_str().unwrap().to_owned());
            return Json(json!({})).into_response();
        }
        Some("ListImageReferrers") => {
            record_call("builder", "ECR.ListImageReferrers");
            return ecr.list_referrers(&serde_json::from_slice(&body).unwrap());
        }
        Some("BatchDeleteImage") => {
            record_call("builder", "ECR.BatchDeleteImage");
            return ecr.delete(&serde_json::from_slice(&body).unwrap());
        }
        _ => {}
    }
    let token = format!("Basic {}", STANDARD.encode(format!("AWS:token-{}", ecr.tokens)));
    if text("authorization") != token {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"ecr\"")]).into_response();
    }
    let unknown = |code| (StatusCode::NOT_FOUND, Json(json!({"errors": [{"code": code}]}))).into_response();
    match (method, uri.path().contains("/manifests/")) {
        _ if ecr.repositories.is_empty() => unknown("NAME_UNKNOWN"),
        (Method::PUT, true) => {
            ecr.manifest = Some(Digest::sha256(&body));
            StatusCode::CREATED.into_response()
        }
        (_, true) => match ecr.manifest.map(|pushed| ecr.fixed_digest.unwrap_or(pushed)) {
            Some(digest) => [("docker-content-digest", digest.to_string())].into_response(),
            None => unknown("MANIFEST_UNKNOWN"),
        },
        (Method::HEAD, false) => unknown("BLOB_UNKNOWN"),
        (Method::POST, false) => {
            (StatusCode::ACCEPTED, [("location", "/v2/acme/tools/blobs/uploads/1")]).into_response()
        }
        _ => StatusCode::CREATED.into_response(),
    }
}

async fn start(ecr: Ecr) -> (Shared, SocketAddr, Registry) {
    start_with(registry::Credentials::Ecr { tags: "application=packs".parse().unwrap() }, ecr).await
}

async fn start_with(credentials: registry::Credentials, ecr: Ecr) -> (Shared, SocketAddr, Registry) {
    let shared = Arc::new(Mutex::new(ecr));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(handle).with_state(shared.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let settings = Settings {
        address: address.to_string().parse().unwrap(),
        credentials,
        plain_http: false,
        push_timeout: Duration::from_secs(20),
    };
    (shared, address, Registry::new(settings, &sdk(address).await, &Timeouts::default()))
}

/// Pushes and tags the image of a pack with `content` in its `behavior.md`. Returns the image's digest.
async fn push(registry: &Registry, address: SocketAddr, content: &str) -> Result<Digest, Error> {
    let Validated { image, tree, contents } = Validated::pack(content);
    let image_ref = format!("{address}/acme/tools:1.0.0");
    push_image(registry, &image_ref, &image, false, tree, contents).await?;
    registry.tag(&image_ref, image.manifest).await?;
    Ok(image.digest)
}

const SECRET_ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf";
const HOURS: Duration = Duration::from_secs(12 * 3_600);

#[tokio::test]
async fn a_missing_repository_is_created_and_a_token_is_reused() {
    let (ecr, address, registry) = start(Ecr { token_life: HOURS, ..Ecr::default() }).await;
    for content in ["hello", "other"] {
        let pushed = push(&registry, address, content).await.unwrap();
        assert_eq!(ecr.lock().unwrap().manifest, Some(pushed));
    }
    let ecr = ecr.lock().unwrap();
    assert_eq!((ecr.tokens, ecr.repositories.as_slice()), (1, &["acme/tools".to_owned()][..]));
}

#[tokio::test]
async fn a_missing_repository_is_also_created_if_the_image_may_exist() {
    let (ecr, address, registry) = start(Ecr { token_life: HOURS, ..Ecr::default() }).await;
    let Validated { image, tree, contents } = Validated::pack("hello");
    push_image(&registry, &format!("{address}/acme/tools:1.0.0"), &image, true, tree, contents).await.unwrap();
    assert_eq!(ecr.lock().unwrap().repositories, ["acme/tools"]);
}

#[tokio::test]
async fn a_token_about_to_expire_is_not_reused() {
    let (ecr, address, registry) = start(Ecr { token_life: Duration::from_secs(300), ..Ecr::default() }).await;
    for content in ["hello", "other"] {
        push(&registry, address, content).await.unwrap();
    }
    assert_eq!(ecr.lock().unwrap().tokens, 4, "one for each push and each tag");
}

#[tokio::test]
async fn tagging_fails_if_the_tag_points_to_another_digest() {
    let other = Digest::sha256(b"other");
    let (_, address, registry) = start(Ecr { token_life: HOURS, fixed_digest: Some(other), ..Ecr::default() }).await;
    let error = push(&registry, address, "hello").await.unwrap_err();
    assert!(
        matches!(&error, Error::WrongDigest { found: Some(found), .. } if *found == other.to_string()),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_referrer_is_pushed_by_digest_only() {
    let (ecr, address, registry) = start(Ecr { token_life: HOURS, ..Ecr::default() }).await;
    let image_ref = format!("{address}/acme/tools:1.0.0");
    let Validated { image, tree, contents } = Validated::pack("hello");
    push_image(&registry, &image_ref, &image, false, tree, contents).await.unwrap();
    let referrer = Referrer { media_type: "text/plain", annotations: BTreeMap::new(), blob: "hello".into() };
    let digest = registry.push_referrer(&image_ref, &image.manifest, &referrer, None).await.unwrap();
    // If an index with the referrers tag had been pushed too, it would be the last manifest.
    assert_eq!(ecr.lock().unwrap().manifest, Some(digest));
}

fn secret() -> registry::Credentials {
    registry::Credentials::Secret { arn: SECRET_ARN.to_owned() }
}

#[tokio::test]
async fn credentials_from_a_secret_are_reused() {
    let ecr = Ecr { repositories: vec!["acme/tools".to_owned()], ..Ecr::default() };
    let (ecr, address, registry) = start_with(secret(), ecr).await;
    for content in ["hello", "other"] {
        let pushed = push(&registry, address, content).await.unwrap();
        assert_eq!(ecr.lock().unwrap().manifest, Some(pushed));
    }
    assert_eq!(ecr.lock().unwrap().tokens, 1);
}

#[tokio::test]
async fn the_error_for_a_malformed_secret_does_not_reveal_the_secret() {
    for malformed in [r#""hunter2""#, r#"{"username": 7, "password": "hunter2"}"#, "hunter2"] {
        let (_, address, registry) = start_with(secret(), Ecr { secret: Some(malformed), ..Ecr::default() }).await;
        let error = push(&registry, address, "hello").await.unwrap_err();
        assert!(matches!(error, Error::Aws { operation: "GetSecretValue", .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn an_image_is_deleted_after_all_its_referrers() {
    let referrers = vec![Digest::sha256(b"one").to_string(), Digest::sha256(b"two").to_string()];
    let repositories = vec!["acme/tools".to_owned()];
    let (ecr, address, registry) = start(Ecr { referrers: referrers.clone(), repositories, ..Ecr::default() }).await;
    let digest = Digest::sha256(b"image");
    registry.delete(&format!("{address}/acme/tools:1.0.0"), digest).await.unwrap();
    assert_eq!(ecr.lock().unwrap().deleted, [referrers, vec![digest.to_string()]].concat());
}

#[tokio::test]
async fn deleting_an_image_that_does_not_exist_succeeds() {
    for repositories in [vec![], vec!["acme/tools".to_owned()]] {
        let ecr = Ecr { repositories, deletion_failure: Some("ImageNotFound"), ..Ecr::default() };
        let (_, address, registry) = start(ecr).await;
        registry.delete(&format!("{address}/acme/tools:1.0.0"), Digest::sha256(b"image")).await.unwrap();
    }
}

#[tokio::test]
async fn a_deletion_that_ecr_refuses_is_an_error() {
    let repositories = vec!["acme/tools".to_owned()];
    let ecr = Ecr { repositories, deletion_failure: Some("ImageReferencedByManifestList"), ..Ecr::default() };
    let (_, address, registry) = start(ecr).await;
    let error = registry.delete(&format!("{address}/acme/tools:1.0.0"), Digest::sha256(b"image")).await.unwrap_err();
    assert!(matches!(error, Error::Aws { operation: "BatchDeleteImage", .. }), "{error:?}");
}
