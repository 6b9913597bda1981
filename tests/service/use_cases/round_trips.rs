//! Counts the requests that a build sends to the registry, and the steps in which it sends them. A step begins when all
//! requests of the previous step have ended, so each step adds a round trip to the time until an image can be pulled.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use pack_upload::{
    aws::Job,
    build::BuildOutcome,
    records::Record,
    registry::Credentials,
    upload::{Outcome, Submission},
};
use test_support::manifest::manifest;
use tokio::time::timeout;

use super::fixture::{Fixture, Validated, archive, push_image, registry, submission};
use crate::{
    attestations::{file_signer, key_file, new_key},
    support::{Authentication, SteppedRegistry, basic},
};

/// The requests of a build, by step, in a session that already knows how the registry authenticates requests.
const BUILD: [&[&str]; 4] =
    [&["POST upload", "POST upload"], &["PUT blob", "PUT blob"], &["PUT manifest"], &["PUT tag"]];

/// The requests of an attested build, by step.
const ATTESTED_BUILD: [&[&str]; 6] = [
    &["POST upload", "POST upload"],
    &["PUT blob", "PUT blob", "POST upload", "POST upload"],
    &["PUT manifest"],
    &["PUT blob", "PUT blob"],
    &["PUT manifest"],
    &["PUT tag"],
];

/// The use cases with a registry that responds in steps.
struct SteppedBuilds {
    fixture: Fixture,
    registry: Arc<SteppedRegistry>,
}

impl SteppedBuilds {
    async fn start(authentication: Authentication, is_signed: bool) -> Self {
        let mut fixture = Fixture::start().await;
        let backend = fixture.embedded.backends.registry.to_string();
        let (stepped, address) = SteppedRegistry::start(backend, authentication).await;
        let credentials = match authentication {
            Authentication::Anonymous => Credentials::None,
            Authentication::Basic | Authentication::Bearer => basic("hunter2"),
        };
        fixture.builder.registry = registry(&address, credentials);
        fixture.uploads.registry = address;
        fixture.builder.signer = is_signed.then(|| file_signer(&key_file(&new_key())).unwrap());
        Self { fixture, registry: stepped }
    }

    /// Builds a new image of `acme/tools`. Asserts that the build makes exactly these requests in these steps.
    async fn expect(&self, version: &str, steps: &[&[&'static str]]) {
        let record = self.fixture.create(versioned(version)).await;
        self.expect_for(&record, steps).await;
    }

    async fn expect_for(&self, record: &Record, steps: &[&[&'static str]]) {
        self.registry.expect(steps);
        let built = timeout(Duration::from_secs(20), self.fixture.builder.build(Job::from(record))).await;
        let (missing, unexpected) = self.registry.missing_and_unexpected();
        assert!(missing.is_empty() && unexpected.is_empty(), "missing: {missing:?}, unexpected: {unexpected:?}");
        assert_eq!(built.unwrap().unwrap(), BuildOutcome::Ready);
    }

    /// Runs the first build of the session. Asserts that it learns from a single first request how the registry
    /// authenticates requests, and then makes the requests in `steps`.
    async fn negotiate(&self, authentication: Authentication, steps: &[&[&'static str]]) {
        let (first, rest) = steps.split_first().unwrap();
        let (alone, others) = first.split_at(1);
        // The first request is sent alone, and again if it was refused.
        let start = match authentication {
            Authentication::Anonymous => vec![alone, others],
            Authentication::Basic => vec![alone, first],
            Authentication::Bearer => vec![alone, &["GET token"], first],
        };
        self.expect("1.0.0", &[&start, rest].concat()).await;
    }
}

fn versioned_archive(version: &str) -> Bytes {
    archive(&[("pack.yaml", &manifest("tools", version)), ("behavior.md", "hello")])
}

fn versioned(version: &str) -> Submission {
    submission(versioned_archive(version))
}

const ALL: [Authentication; 3] = [Authentication::Anonymous, Authentication::Basic, Authentication::Bearer];

#[tokio::test]
async fn a_build_makes_six_requests_in_four_steps() {
    assert_eq!(BUILD.concat().len(), 6);
    for authentication in ALL {
        let builds = SteppedBuilds::start(authentication, false).await;
        builds.negotiate(authentication, &BUILD).await;
        builds.expect("2.0.0", &BUILD).await;
    }
}

#[tokio::test]
async fn an_attestation_adds_five_requests_and_two_steps() {
    assert_eq!(ATTESTED_BUILD.concat().len(), BUILD.concat().len() + 5);
    for authentication in ALL {
        let builds = SteppedBuilds::start(authentication, true).await;
        builds.negotiate(authentication, &ATTESTED_BUILD).await;
        builds.expect("2.0.0", &ATTESTED_BUILD).await;
    }
}

/// The requests with which a later try asks what the registry has.
const HEADS: &[&str] = &["HEAD manifest", "HEAD blob", "HEAD blob"];

#[tokio::test]
async fn a_second_try_sends_only_what_the_registry_lacks() {
    let builds = SteppedBuilds::start(Authentication::Anonymous, false).await;
    builds.negotiate(Authentication::Anonymous, &BUILD).await;
    for is_pushed in [false, true] {
        let version = if is_pushed { "2.0.0" } else { "3.0.0" };
        let record = builds.fixture.create(versioned(version)).await;
        let mut unavailable = builds.fixture.builder.clone();
        unavailable.registry = registry(&"127.0.0.1:1".parse().unwrap(), Credentials::None);
        unavailable.build(Job::from(&record)).await.unwrap_err();
        if is_pushed {
            let Validated { image, tree, contents } = Validated::archive(&versioned_archive(version));
            builds.registry.expect(&BUILD[..3]);
            let registry = &builds.fixture.builder.registry;
            push_image(registry, &record.release.image_ref, &image, false, tree, contents).await.unwrap();
            builds.expect_for(&record, &[HEADS, BUILD[3]]).await;
        } else {
            builds.expect_for(&record, &[&[HEADS], &BUILD[..]].concat()).await;
        }
    }
}

/// An earlier attempt may have pushed parts of the image.
#[tokio::test]
async fn the_first_try_of_a_later_attempt_also_asks_what_the_registry_has() {
    let builds = SteppedBuilds::start(Authentication::Anonymous, false).await;
    builds.negotiate(Authentication::Anonymous, &BUILD).await;
    let record = builds.fixture.create(versioned("2.0.0")).await;
    builds.fixture.fail(&record).await;
    let Outcome::QueuedAgain(again) = builds.fixture.submit(versioned("2.0.0")).await else { panic!("not queued") };
    assert_eq!((again.build.attempt, again.build.tries), (2, 0));
    builds.expect_for(&again, &[&[HEADS], &BUILD[..]].concat()).await;
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let builds = SteppedBuilds::start(Authentication::Bearer, false).await;
    builds.negotiate(Authentication::Bearer, &BUILD).await;
    builds.registry.expire_tokens();
    // All requests in the first step are sent with the expired token. The client renews the token once, and sends each
    // request again.
    builds.expect("2.0.0", &[&[BUILD[0], &["GET token"]][..], &BUILD].concat()).await;
}

/// A layer is sent as a stream, which cannot be sent again if the registry refuses an expired token.
#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let builds = SteppedBuilds::start(Authentication::Bearer, false).await;
    let record = builds.fixture.create(versioned("1.0.0")).await;
    let image_ref = &record.release.image_ref;
    let registry = &builds.fixture.builder.registry;
    assert_eq!(builds.fixture.builder.build(Job::from(&record)).await.unwrap(), BuildOutcome::Ready);
    let manifest = registry.manifest(image_ref, record.release.image_digest).await.unwrap().unwrap();

    let tag = async |steps: &[&[&'static str]]| {
        builds.registry.expect(steps);
        timeout(Duration::from_secs(20), registry.tag(image_ref, manifest.clone())).await.unwrap().unwrap();
        assert_eq!(builds.registry.missing_and_unexpected(), (Vec::new(), Vec::new()));
    };
    tag(&[&["PUT tag"]]).await;
    builds.registry.set_token_life(0);
    builds.registry.expire_tokens();
    tag(&[&["PUT tag"], &["GET token"], &["PUT tag"]]).await;
    tag(&[&["GET token"], &["PUT tag"]]).await;
}
