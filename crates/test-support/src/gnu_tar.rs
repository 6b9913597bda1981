use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// The command from docs/architecture.md that writes the layer for the pack in the current directory, without the
/// trailing `sha256sum`.
pub const LAYER_COMMAND: &str = r"find . -mindepth 1 \( -name .DS_Store -o -name '._*' -o -path ./.gitignore \
    -o -path ./.gitattributes \) -prune -o -printf '%P\0' | LC_ALL=C sort -z |
    tar --null --no-recursion -T - --format=posix \
    --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime --mtime=@315532801 --owner=0 --group=0 \
    --numeric-owner --mode=a-st,u=rwX,go=rX -b1 -cf -";

/// Returns the layer that GNU tar writes for the pack in `directory`.
pub fn layer_by_gnu_tar(directory: &Path) -> Vec<u8> {
    let output = Command::new("sh")
        .args(["-c", LAYER_COMMAND])
        .current_dir(directory)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "GNU tar failed");
    output.stdout
}

/// Runs the command from docs/architecture.md, unchanged, in `directory` and with a umask of 077. Returns the digest
/// that the command prints, with the prefix `sha256:`.
pub fn digest_by_documented_command(directory: &Path) -> String {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/architecture.md");
    let document = fs::read_to_string(document).unwrap();
    let (_, command) = document.split_once("```console\n$ find . -mindepth 1").unwrap();
    let (command, _) = command.split_once("```").unwrap();
    let script = format!("umask 077; find . -mindepth 1{command}");
    let output = Command::new("sh").args(["-c", &script]).current_dir(directory).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    format!("sha256:{}", printed.split_whitespace().next().unwrap())
}
