use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::Path,
};

use pack_format::{Digest, EntryKind, Grants, Visibility};

use super::{Outcome, records};
use crate::{
    cli::{Diff, ReportFormat},
    error::Error,
    pack_id::PackId,
    report,
    service::Service,
    source::Source,
    validation::{ValidPack, Validation},
};

/// One of the two packs: the parts that are printed or compared.
struct Side {
    name: String,
    version: String,
    layer_digest: String,
    /// As YAML. Empty if the pack has no capabilities.
    capabilities: String,
    /// The execute bit and the digest of each file, by path. `None` for a record, which has no list of files.
    files: Option<BTreeMap<String, (bool, Digest)>>,
}

pub(super) fn run(arguments: &Diff, out: &mut impl Write) -> Result<Outcome, Error> {
    let side = |pack: &str| read(pack, arguments);
    let (Some(old), Some(new)) = (side(&arguments.old)?, side(&arguments.new)?) else {
        return Ok(Outcome::Problems);
    };
    writeln!(out, "--- {} {}", old.name, old.version)?;
    writeln!(out, "+++ {} {}", new.name, new.version)?;
    print_list("capabilities", &capabilities(&old, &new), out)?;
    print_list("files", &files(&old, &new), out)?;
    Ok(Outcome::Success)
}

/// Reads a directory, an archive or a record. Returns `None` if the pack has problems, which are printed to standard
/// error.
fn read(pack: &str, arguments: &Diff) -> Result<Option<Side>, Error> {
    if let Ok(id) = pack.parse::<PackId>()
        && !Path::new(pack).exists()
    {
        return record(&id).map(Some);
    }
    let source = Source::open(Path::new(pack), arguments.reading)?;
    let validation = Validation::new(&source, Visibility::Org)?;
    match validation {
        Validation::Valid(valid) => Side::from_pack(*valid).map(Some),
        Validation::Invalid(_) => {
            report::print(ReportFormat::Human, &source, &validation, &mut anstream::stderr())?;
            Ok(None)
        }
    }
}

fn record(id: &PackId) -> Result<Side, Error> {
    let record = Service::from_env()?.get(&format!("/v1/packs/{id}"))?;
    let text = |field| records::text(&record, field).map(str::to_owned);
    Ok(Side {
        name: text("name")?,
        version: text("version")?,
        layer_digest: text("layer_digest")?,
        capabilities: record["capabilities"].as_str().unwrap_or_default().to_owned(),
        files: None,
    })
}

impl Side {
    fn from_pack(ValidPack { pack, image, mut contents }: ValidPack) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        for entry in pack.tree.entries() {
            if let EntryKind::File { executable, content } = entry.kind {
                let mut bytes = Vec::new();
                let mut reader = content.open(&mut contents).map_err(Error::Temporary)?;
                reader.read_to_end(&mut bytes).map_err(Error::Temporary)?;
                files.insert(entry.path.clone(), (executable, Digest::sha256(&bytes)));
            }
        }
        Ok(Self {
            name: pack.manifest.name.to_string(),
            version: pack.manifest.version.to_string(),
            layer_digest: image.layer.digest.to_string(),
            capabilities: pack.manifest.capabilities.unwrap_or_default(),
            files: Some(files),
        })
    }
}

/// A list of differences, or a summary if there is nothing to list.
enum Differences {
    List(Vec<String>),
    Summary(&'static str),
}

fn capabilities(old: &Side, new: &Side) -> Differences {
    if old.capabilities == new.capabilities {
        return Differences::Summary("no difference");
    }
    let [before, after] = [old, new].map(|side| Grants::from_capabilities(&side.capabilities));
    let gained = after.beyond(&before).into_iter().map(|grant| format!("+ {grant}"));
    let lost = before.beyond(&after).into_iter().map(|grant| format!("- {grant}"));
    let list: Vec<String> = gained.chain(lost).collect();
    if list.is_empty() {
        return Differences::Summary("differ, but allow the same methods and hosts");
    }
    Differences::List(list)
}

fn files(old: &Side, new: &Side) -> Differences {
    if old.layer_digest == new.layer_digest {
        return Differences::Summary("no difference");
    }
    let (Some(old), Some(new)) = (&old.files, &new.files) else {
        return Differences::Summary("differ, but the service does not list the files of a record");
    };
    let mut list: Vec<(&str, char)> = Vec::new();
    for (path, file) in old {
        match new.get(path) {
            None => list.push((path, '-')),
            Some(other) if other != file => list.push((path, '~')),
            Some(_) => {}
        }
    }
    list.extend(new.keys().filter(|path| !old.contains_key(*path)).map(|path| (path.as_str(), '+')));
    list.sort_unstable();
    if list.is_empty() {
        return Differences::Summary("only directories differ");
    }
    Differences::List(list.into_iter().map(|(path, mark)| format!("{mark} {path}")).collect())
}

fn print_list(title: &str, differences: &Differences, out: &mut impl Write) -> io::Result<()> {
    match differences {
        Differences::Summary(summary) => writeln!(out, "{title}: {summary}"),
        Differences::List(list) => {
            writeln!(out, "{title}:")?;
            list.iter().try_for_each(|line| writeln!(out, "  {line}"))
        }
    }
}
