//! Tests that `packs check` and the service agree about many archives and directories: on whether they are valid, on
//! their problems (messages, locations and suggestions), and on their warnings.
//!
//! The archives are those in `crates/pack-format/tests/cases`, those that the tests of pack-format save in
//! `target/tmp/archives` when they run, archives of random packs with one random change each, and large archives. The
//! directories are random packs, and all archives except the large ones, unpacked.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

use clap::Parser as _;
use flate2::read::MultiGzDecoder;
use pack_format::Digest;
use packs_cli::{Cli, commands};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{
    archive::{Archive, gzip},
    directories::make_directory,
    generated,
    listing::{Listing, read_directory},
    mutations::mutate,
    report_missing,
};

use super::{
    ApiResponse,
    begin_upload::begin,
    test_api::{TestApi, form, upload},
};
use crate::support::{ApiResponse as HttpResponse, put_archive};

/// The number of random packs.
const PACKS: usize = 12;
/// The number of changed archives of each random pack.
const MUTATIONS: usize = 16;
/// The maximum size of a file that is unpacked into a directory, in bytes.
const MAX_UNPACKED: u64 = 1 << 20;

#[tokio::test]
async fn packs_and_the_service_agree_about_archives() {
    let agreement = Agreement::start().await;
    let path = agreement.folder.path().join("archive");
    for (name, archive) in archives().chain(large_archives()) {
        fs::write(&path, &archive).unwrap();
        agreement.check(&name, &path, &archive).await;
    }
}

#[tokio::test]
async fn packs_and_the_service_agree_about_directories() {
    let agreement = Agreement::start().await;
    let (directory, sent) = (agreement.folder.path().join("pack"), agreement.folder.path().join("pack.tgz"));
    let mut seen = HashSet::new();
    let unchanged = random_packs().map(|(name, pack)| (name, Archive::new().listing(&pack).tar_gz()));
    for (name, archive) in unchanged.chain(archives()) {
        // Ignore an error: a damaged archive is unpacked up to the damage.
        let _ = unpack(&archive, &directory);
        // Write the archive that `packs push` would send.
        packs([OsStr::new("archive"), directory.as_os_str(), OsStr::new("-o"), sent.as_os_str()]);
        let sent = fs::read(&sent).unwrap();
        // Check each archive only once: many directories have the same files.
        if seen.insert(Digest::sha256(&sent)) {
            agreement.check(&name, &directory, &sent).await;
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}

struct Agreement {
    api: TestApi,
    folder: TempDir,
}

impl Agreement {
    async fn start() -> Self {
        Self { api: TestApi::start().await, folder: TempDir::new().unwrap() }
    }

    /// Asserts that `packs check` gives the same result for `path` as the service does for `archive`.
    async fn check(&self, name: &str, path: &Path, archive: &[u8]) {
        assert_eq!(result_of_packs(path), self.result_of_the_service(archive).await, "{name}");
    }

    /// Returns the result of a dry run in the format of `packs check --format json`. If the archive is too large for a
    /// request, sends it to S3 and submits it from there.
    async fn result_of_the_service(&self, archive: &[u8]) -> Value {
        let response = self.dry_run("archive", archive).await;
        let error = &response.body["error"];
        if response.status == 413 && !error["details"]["larger"].is_null() {
            let id = self.send_through_s3(archive).await;
            return result(&self.dry_run("upload_id", id.as_bytes()).await);
        }
        result(&response)
    }

    async fn dry_run(&self, part: &str, content: &[u8]) -> ApiResponse {
        let mut event = upload(&form(&[(part, content)]));
        event["rawQueryString"] = json!("dry_run=true");
        self.api.send(&event).await
    }

    /// Sends an archive to S3, and returns the id of the upload.
    async fn send_through_s3(&self, archive: &[u8]) -> String {
        let sha256 = Digest::sha256(archive).to_string();
        let body = json!({ "size_bytes": archive.len(), "sha256": sha256.trim_start_matches("sha256:") });
        let ApiResponse { status, headers, body } = self.api.send(&begin(&body.to_string())).await;
        let begun = HttpResponse { status: status.try_into().unwrap(), headers, body };
        assert!(put_archive(&begun, archive.to_vec()).await.is_success());
        begun.text("upload_id").to_owned()
    }
}

fn result(response: &ApiResponse) -> Value {
    let body = &response.body;
    let error = &body["error"];
    let details = &error["details"];
    let problems = match response.status {
        200 => json!([]),
        400 => details["problems"].clone(),
        413 => json!([{ "field": "archive", "message": error["message"] }]),
        status => panic!("{status}: {body}"),
    };
    json!({
        "valid": response.status == 200,
        "problems": problems,
        "unlisted_problems": details["unlisted_problems"].as_u64().unwrap_or(0),
        "warnings": body.get("warnings").unwrap_or(&json!([])),
    })
}

/// Runs a `packs` command in this process, and returns what it prints.
fn packs<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Vec<u8> {
    let mut out = Vec::new();
    let arguments = [OsStr::new("packs")].into_iter().chain(arguments);
    commands::run(Cli::parse_from(arguments), &mut out).unwrap();
    out
}

fn result_of_packs(path: &Path) -> Value {
    let arguments = [OsStr::new("check"), path.as_os_str(), OsStr::new("--format"), OsStr::new("json")];
    serde_json::from_slice(&packs(arguments)).unwrap()
}

/// Returns all archives except the large ones, each with a name.
fn archives() -> impl Iterator<Item = (String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = ["accept", "reject"].map(|folder| root.join("crates/pack-format/tests/cases").join(folder));
    let saved = Path::new(env!("CARGO_TARGET_TMPDIR")).join("archives");
    if !saved.exists() {
        report_missing("an archive from the tests of pack-format");
    }
    let folders = cases.into_iter().chain([saved]);
    let paths = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    let files = paths.into_iter().map(|path| (path.display().to_string(), fs::read(path).unwrap()));
    files.chain(changed_archives())
}

/// Returns archives of random packs, each with one random change.
fn changed_archives() -> impl Iterator<Item = (String, Vec<u8>)> {
    let mut random = fastrand::Rng::with_seed(1);
    random_packs().flat_map(move |(name, listing)| {
        let tar = Archive::new().listing(&listing).tar();
        let changes: Vec<_> = (0..MUTATIONS).map(|_| mutate(&tar, &mut random)).collect();
        changes.into_iter().map(move |(change, tar)| (format!("{name}, {change}"), gzip(&tar)))
    })
}

/// Returns archives that exceed a request limit or almost reach it. The last one exceeds a limit that also applies to
/// archives sent to S3.
fn large_archives() -> impl Iterator<Item = (String, Vec<u8>)> {
    let zeros = |count: usize, size: usize| {
        let content = vec![0; size];
        let files = |archive: Archive, index| archive.file(format!("data/{index}"), &content);
        (0..count).fold(Archive::pack(), files).tar_gz()
    };
    let names =
        |count: usize| (0..count).fold(Archive::pack(), |archive, index| archive.file(format!("data/{index}"), ""));
    [
        ("a file of 17 MiB", zeros(1, 17 << 20)),
        ("70 MiB of zeros", zeros(5, 14 << 20)),
        ("4 MiB of random bytes", generated::binary()),
        ("10,001 files", names(10_001).tar_gz()),
    ]
    .into_iter()
    .map(|(name, archive)| (name.to_owned(), archive))
}

fn random_packs() -> impl Iterator<Item = (String, Listing)> {
    let mut random = fastrand::Rng::with_seed(15);
    (0..PACKS).map(move |index| {
        let folder = TempDir::new().unwrap();
        let directory = folder.path().join("pack");
        make_directory(&directory, index % 2 == 1, &mut random);
        (format!("pack {index}"), read_directory(&directory))
    })
}

/// Writes the files and directories of an archive to a directory, up to the first entry that cannot be read. Skips
/// entries of other types, files larger than [`MAX_UNPACKED`], and entries whose paths are absolute, contain `..`, or
/// conflict with other entries.
fn unpack(archive: &[u8], directory: &Path) -> io::Result<()> {
    fs::create_dir(directory)?;
    for entry in tar::Archive::new(MultiGzDecoder::new(archive)).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            continue;
        }
        let (path, kind) = (directory.join(path), entry.header().entry_type());
        if kind.is_dir() {
            let _ = fs::create_dir_all(path);
        } else if kind.is_file()
            && entry.size() <= MAX_UNPACKED
            && path.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok())
            && let Ok(mut file) = File::create(path)
        {
            io::copy(&mut entry, &mut file)?;
            let mode = if entry.header().mode()? & 0o111 == 0 { 0o600 } else { 0o700 };
            file.set_permissions(Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}
