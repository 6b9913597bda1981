//! Authors' common mistakes, each with an upload that contains it. `crates/pack-format/MISTAKES.md` shows the problems
//! that each mistake causes.

use crate::{
    archive::{Archive, Header, PREFIX, UID, gzip},
    manifest::{MANIFEST, manifest_with, manifest_with_capabilities, manifest_with_rule},
};

pub struct Mistake {
    pub title: &'static str,
    /// The mistake as it appears in a command, a path or `pack.yaml`.
    pub example: &'static str,
    pub upload: Upload,
}

pub enum Upload {
    Bytes(Vec<u8>),
    /// The files of a pack. The problems with them can have suggestions, which [`crate::validation::apply_suggestions`]
    /// applies.
    Files(Vec<(&'static str, String)>),
}

/// Returns the mistakes, grouped under headings.
pub fn mistakes() -> [(&'static str, Vec<Mistake>); 4] {
    [
        ("The archive", archives()),
        ("Files and directories", layouts()),
        ("pack.yaml", manifests()),
        ("Capabilities", capabilities()),
    ]
}

fn bytes(title: &'static str, example: &'static str, upload: impl Into<Vec<u8>>) -> Mistake {
    Mistake { title, example, upload: Upload::Bytes(upload.into()) }
}

fn tar(title: &'static str, example: &'static str, archive: Archive) -> Mistake {
    bytes(title, example, archive.tar_gz())
}

/// Returns the mistake of adding these files to a pack.
fn files(title: &'static str, example: &'static str, further: &[&'static str]) -> Mistake {
    let further = further.iter().map(|path| (*path, String::new()));
    let files = [("pack.yaml", MANIFEST.to_owned())].into_iter().chain(further).collect();
    Mistake { title, example, upload: Upload::Files(files) }
}

fn yaml(title: &'static str, example: &'static str, manifest: impl Into<String>) -> Mistake {
    Mistake { title, example, upload: Upload::Files(vec![("pack.yaml", manifest.into())]) }
}

fn archives() -> Vec<Mistake> {
    let times = "14722531400\x0014722531400\0";
    let sparse = [("GNU.sparse.name", b"./data/a".as_slice()), ("path", b"./data/GNUSparseFile.0/a")];
    vec![
        bytes("A zip file", "`zip -r pack.zip .`", b"PK\x03\x04\x14\x00\x00\x00\x08\x00"),
        bytes("An archive that is not compressed", "`tar -cf pack.tar .`", Archive::pack().tar()),
        bytes("An archive compressed with xz", "`tar -cJf pack.tar.xz .`", b"\xfd7zXZ\0\0\x04"),
        bytes("An archive that is compressed twice", "`gzip pack.tar.gz`", gzip(&Archive::pack().tar_gz())),
        bytes("An empty file", "`touch pack.tar.gz`", b""),
        bytes("A failed tar, compressed", "`tar -c missing \\| gzip > pack.tar.gz`", gzip(b"")),
        bytes("The name of a file instead of the file", "`--form archive=pack.tar.gz`", b"pack.tar.gz"),
        bytes("An archive sent as text", "`body: await file.text()`", "\u{1f}\u{fffd}\u{8}\0\0\0\0\0\u{fffd}\u{fffd}"),
        tar(
            "A symbolic link in the pack",
            "`guides/latest.md → v2.md`",
            Archive::pack().symlink("guides/latest.md", "v2.md"),
        ),
        tar(
            "A second link to a file",
            "`ln guides/v2.md guides/latest.md`",
            Archive::pack().header(Header::ustar("guides/latest.md").typeflag(b'1')),
        ),
        tar(
            "A sparse file, archived by GNU tar",
            "`tar --sparse -czf pack.tar.gz .`",
            Archive::pack().header(Header::gnu("./data/a").typeflag(b'S').field(PREFIX, times)),
        ),
        tar(
            "A sparse file, archived by bsdtar",
            "`bsdtar -czf pack.tar.gz .`",
            Archive::pack().pax(&sparse).file("./data/GNUSparseFile.0/a", b""),
        ),
        tar(
            "An incremental archive",
            "`tar --listed-incremental=snapshot -czf pack.tar.gz .`",
            Archive::new().header(Header::gnu("./").typeflag(b'D').field(PREFIX, times)),
        ),
        tar(
            "An owner that is not a valid number",
            "user id -2",
            Archive::pack().header(Header::gnu("data/a").field(UID, b"\xff\xff\xff\xff\xff\xff\xff\xfe")),
        ),
        tar(
            "A long name written by an old version of 7-Zip",
            "`7z a pack.tar my-pack`",
            Archive::pack().entry(Header::v7("././@LongLink").typeflag(b'L'), b"guides/a\0").file("guides/a", b""),
        ),
    ]
}

fn layouts() -> Vec<Mistake> {
    let moved = |title, example, files: &[(&'static str, &str)]| {
        let files = files.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
        Mistake { title, example, upload: Upload::Files(files) }
    };
    vec![
        moved(
            "A parent directory archived with the pack",
            "`my-packs/pack.yaml` next to `README.md`",
            &[("my-packs/pack.yaml", MANIFEST), ("README.md", "")],
        ),
        moved("A misnamed manifest", "`pack.yml`", &[("pack.yml", MANIFEST)]),
        moved("A misnamed manifest in a directory", "`my-pack/pack.yml`", &[("my-pack/pack.yml", MANIFEST)]),
        files("A file that a pack must not contain", "`Makefile`", &["Makefile"]),
        files("A misspelled directory", "`guide/triage.md`", &["guide/triage.md"]),
        files("A git repository", "`.git/config`", &[".git/config"]),
        files("Capabilities in a file of their own", "`caps.yaml`", &["caps.yaml"]),
        files("A copy that an editor made", "`pack.yaml~`", &["pack.yaml~"]),
        files("A translation of the README", "`README.zh.md`", &["README.md", "README.zh.md"]),
        files("The archive itself", "`tar -cz . > pack.tar.gz`", &["pack.tar.gz"]),
        files("Names that differ only in case", "`data/a` and `data/A`", &["data/a", "data/A"]),
        files("A hidden character in a name", "`guides/[U+202E]a.md`", &["guides/\u{202e}a.md"]),
    ]
}

fn manifests() -> Vec<Mistake> {
    vec![
        yaml("A version without quotes", "`version: 1.10`", "name: sample\nversion: 1.10\ndescription: For a test.\n"),
        yaml(
            "A date as the version",
            "`version: 2026-01-31`",
            "name: sample\nversion: 2026-01-31\ndescription: For a test.\n",
        ),
        yaml(
            "A version that is a git tag",
            "`version: v1.2.3`",
            "name: sample\nversion: v1.2.3\ndescription: For a test.\n",
        ),
        yaml(
            "A name in upper case, or with underscores",
            "`name: My_Pack`",
            "name: My_Pack\nversion: 1.0.0\ndescription: For a test.\n",
        ),
        yaml("A name that is a number", "`name: 123`", "name: 123\nversion: 1.0.0\ndescription: For a test.\n"),
        yaml(
            "A misspelled key",
            "`descripton: For a test.`",
            "name: sample\nversion: 1.0.0\ndescripton: For a test.\n",
        ),
        yaml("An optional key without a value", "`display_name:`", manifest_with("display_name:\n")),
        yaml(
            "A tab in the indentation",
            "`⇥- runbook-search`",
            manifest_with("suggested_packs:\n\t- runbook-search\n"),
        ),
        yaml(
            "A colon in text without quotes",
            "`description: Triage: first steps`",
            "name: sample\nversion: 1.0.0\ndescription: Triage: first steps\n",
        ),
        yaml("A backslash in double quotes", "`category: \"C:\\Users\"`", manifest_with("category: \"C:\\Users\"\n")),
        yaml(
            "An invisible character",
            "`display_name: Triage[U+200B]`",
            manifest_with("display_name: Triage\u{200b}\n"),
        ),
        yaml(
            "Text instead of a list",
            "`suggested_packs: runbook-search, status-page`",
            manifest_with("suggested_packs: runbook-search, status-page\n"),
        ),
        yaml(
            "A version in a suggestion",
            "`- runbook-search@1.0.0`",
            manifest_with("suggested_packs:\n  - runbook-search@1.0.0\n"),
        ),
    ]
}

fn capabilities() -> Vec<Mistake> {
    vec![
        yaml(
            "Methods in lower case",
            "`methods: [get]`",
            manifest_with_rule("domains: [api.example.com]\nmethods: [get]\n"),
        ),
        yaml(
            "A URL instead of a host",
            "`domains: [\"https://api.example.com/v1\"]`",
            manifest_with_rule("domains: [\"https://api.example.com/v1\"]\nmethods: [GET]\n"),
        ),
        yaml(
            "The same host twice",
            "`domains: [api.example.com, \"API.example.com:443\"]`",
            manifest_with_rule("domains: [api.example.com, \"API.example.com:443\"]\nmethods: [GET]\n"),
        ),
        yaml(
            "A glob without quotes",
            "`domains: [*.example.com]`",
            manifest_with_rule("domains: [*.example.com]\nmethods: [GET]\n"),
        ),
        yaml(
            "A path without a leading slash",
            "`paths: [v1/users]`",
            manifest_with_rule("domains: [api.example.com]\nmethods: [GET]\npaths: [v1/users]\n"),
        ),
        yaml(
            "Rules without `allow`",
            "`domains` next to `name` and `type`",
            manifest_with_capabilities(
                "  - name: api\n    type: http\n    domains: [api.example.com]\n    methods: [GET]\n",
            ),
        ),
    ]
}
