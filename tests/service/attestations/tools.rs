use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use test_support::report_missing;

use crate::support::{scratch, tool};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The scripts in `docs/verify/`, which verify bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Openssl,
    Sigstore,
}

impl Script {
    /// Returns the scripts whose tools are installed.
    pub(super) fn available() -> Vec<Self> {
        let mut scripts = Vec::new();
        if tool("openssl").is_some() && tool("jq").is_some() {
            scripts.push(Self::Openssl);
        }
        if tool("node").is_some() {
            if node_modules().join("@sigstore/verify").exists() {
                scripts.push(Self::Sigstore);
            } else {
                report_missing("@sigstore/verify");
            }
        }
        scripts
    }

    /// Verifies that a bundle attests the image with this digest. `keys` is a response to `GET /v1/attestation-keys`.
    /// Returns the statement, or the script's error output if verification fails.
    pub(super) fn verify(self, bundle: &Value, keys: &Value, digest: &str) -> Result<Value, String> {
        let (_guard, directory) = scratch();
        let (bundle_file, keys_file) = (directory.join("bundle.json"), directory.join("keys.json"));
        fs::write(&bundle_file, bundle.to_string()).unwrap();
        fs::write(&keys_file, keys.to_string()).unwrap();
        let scripts = Path::new(ROOT).join("docs/verify");
        let mut command = match self {
            Self::Openssl => Command::new(scripts.join("openssl.sh")),
            Self::Sigstore => {
                let mut node = Command::new("node");
                node.arg(scripts.join("sigstore.cjs")).env("NODE_PATH", node_modules());
                node
            }
        };
        let Output { status, stdout, stderr } = command.args([&bundle_file, &keys_file]).arg(digest).output().unwrap();
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        if status.success() { Ok(serde_json::from_slice(&stdout).unwrap()) } else { Err(stderr) }
    }
}

fn node_modules() -> std::path::PathBuf {
    Path::new(ROOT).join("target/node/node_modules")
}
