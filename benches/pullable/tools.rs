use std::{
    env,
    error::Error,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) const SKOPEO: &str = "`skopeo copy` of the finished image";

/// A shell script that pushes an image to the reference `$1`. Its working directory contains `archive.tar.gz` and
/// `layout`, an OCI image layout with the finished image. The script of [`Tool::fetch`] pushes nothing, and writes
/// `layout`.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    script: String,
}

impl Tool {
    pub(crate) fn copy() -> Self {
        let script = "skopeo copy --quiet --preserve-digests --dest-tls-verify=false oci:layout:image docker://$1";
        Self { name: SKOPEO, script: script.to_owned() }
    }

    /// Returns a script that copies an image from its registry to `layout`.
    pub(crate) fn fetch(image: &str) -> Self {
        let copy = "skopeo copy --quiet --preserve-digests --src-tls-verify=false";
        Self { name: "skopeo", script: format!("{copy} docker://{image} oci:layout:image") }
    }

    /// Runs the script, and returns the time it takes.
    pub(crate) fn run(&self, folder: &Path, image: &str) -> Result<Duration, Box<dyn Error>> {
        let mut command = Command::new("sh");
        command.args(["-ec", &self.script, "sh", image]).current_dir(folder).stdout(Stdio::null());
        let start = Instant::now();
        let output = command.stderr(Stdio::piped()).output()?;
        let time = start.elapsed();
        if output.status.success() {
            Ok(time)
        } else {
            Err(format!("{} failed: {}", self.name, String::from_utf8_lossy(&output.stderr)).into())
        }
    }
}

/// Returns the tools to compare with `local`. Leaves out those that are not installed.
pub(crate) fn tools() -> Vec<Tool> {
    let umoci = "umoci init --layout own
        umoci new --image own:image
        gzip -dc archive.tar.gz > layer.tar
        umoci raw add-layer --image own:image layer.tar
        skopeo copy --quiet --dest-tls-verify=false oci:own:image docker://$1";
    // With the storage driver vfs, buildah needs no mounts, so it also works in a container.
    let buildah = r#"buildah="buildah --storage-driver vfs --root $PWD/storage --runroot $PWD/run"
        container=$($buildah from scratch)
        $buildah add --quiet $container archive.tar.gz /
        $buildah commit --quiet --tls-verify=false $container docker://$1
        $buildah rm $container"#;
    let oras = r#"python3 -c "
import sys
from oras.client import OrasClient
OrasClient(insecure=True).push(target=sys.argv[1], files=['archive.tar.gz'])
" $1"#;
    let mut tools = Vec::new();
    let mut add = |name, check: &str, script: &str| {
        let found = Command::new("sh").args(["-c", check]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_ok_and(|status| status.success()) {
            tools.push(Tool { name, script: script.to_owned() });
        } else {
            eprintln!("{name} is not installed");
        }
    };
    if let Ok(crane) = env::var("CRANE") {
        let append = format!("{crane} append --insecure --new_layer archive.tar.gz --new_tag $1");
        add("`crane append`", &format!("{crane} version"), &append);
    }
    add("umoci and skopeo", "umoci --version", umoci);
    add("buildah", "buildah --version", buildah);
    add("oras (Python)", "python3 -c 'import oras'", oras);
    tools
}
