//! Uploads the sample pack with common HTTP clients.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use crate::support::{Local, run, sample_pack, scratch, tool};

/// Creates an archive of the sample pack with tar.
fn archive() -> (tempfile::TempDir, PathBuf) {
    let (guard, directory) = scratch();
    let archive = directory.join("pack.tar.gz");
    run(Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(sample_pack()).arg("."));
    (guard, archive)
}

#[track_caller]
fn expect_created(printed: &str) {
    let record: Value = serde_json::from_str(printed.trim()).unwrap_or_else(|_| panic!("{printed}"));
    assert_eq!(record["build_status"], "queued", "{record}");
}

#[tokio::test]
async fn curl_uploads_a_pack() {
    let local = Local::start().await;
    let (_guard, archive) = archive();
    let Some(mut curl) = tool("curl") else { return };
    expect_created(&run(curl
        .args(["--silent", "--show-error", "--fail-with-body", "--request", "POST"])
        .args(["--url", &local.url("/v1/packs/upload")])
        .args(["--header", &format!("Authorization: Bearer {}", local.key("acme"))])
        .args(["--header", "Content-Type: multipart/form-data"])
        .args(["--form", &format!("archive=@{}", archive.display())])
        .args(["--form", "visibility=org"])));
}

#[tokio::test]
async fn python_requests_uploads_a_pack() {
    let local = Local::start().await;
    let (_guard, archive) = archive();
    let Some(mut python) = tool("python3") else { return };
    let script = "import sys, requests\n\
        url, key, archive = sys.argv[1:]\n\
        response = requests.post(url, headers={'Authorization': f'Bearer {key}'},\n\
        \x20   files={'archive': open(archive, 'rb')}, data={'visibility': 'org'})\n\
        assert response.status_code == 201, response.text\n\
        print(response.text)\n";
    if Command::new("python3").args(["-c", "import requests"]).status().is_ok_and(|status| !status.success()) {
        assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "Python's requests is not installed");
        println!("skipped: Python's requests is not installed");
        return;
    }
    let arguments = [&*local.url("/v1/packs/upload"), &local.key("acme"), archive.to_str().unwrap()];
    expect_created(&run(python.args(["-c", script]).args(arguments)));
}

#[tokio::test]
async fn node_fetch_uploads_a_pack() {
    let local = Local::start().await;
    let (_guard, archive) = archive();
    let Some(mut node) = tool("node") else { return };
    let script = "const [url, key, archive] = process.argv.slice(1);\n\
        const form = new FormData();\n\
        form.append('visibility', 'org');\n\
        form.append('archive', new Blob([require('fs').readFileSync(archive)]), 'pack.tar.gz');\n\
        fetch(url, { method: 'POST', headers: { Authorization: `Bearer ${key}` }, body: form }).then(async response => {\n\
        \x20 if (response.status !== 201) throw new Error(await response.text());\n\
        \x20 console.log(await response.text());\n\
        });\n";
    let arguments = [&*local.url("/v1/packs/upload"), &local.key("acme"), archive.to_str().unwrap()];
    expect_created(&run(node.args(["-e", script]).args(arguments)));
}
