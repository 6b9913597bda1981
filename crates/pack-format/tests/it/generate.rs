//! Packs and archives of them, made by chance: what an archive may hold and how each format may say it.

use std::collections::BTreeSet;

use flate2::Compression;
use proptest::{collection::vec, prelude::*, sample::select};
use test_support::{
    archive::{Archive, BLOCK, Header, MANIFEST, PREFIX, gzip_at, pax_records},
    readers::Listing,
};

/// An archive and the files that it means.
#[derive(Debug, Clone)]
pub(crate) struct Generated {
    pub(crate) upload: Vec<u8>,
    /// Of the directory that stands for the pack, if it is not the archive's root.
    pub(crate) wrapper: Option<String>,
    pub(crate) pack: Listing,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    V7,
    Ustar,
    Gnu,
    Pax,
}

#[derive(Debug, Clone)]
struct Item {
    /// Which of the directories it is in.
    directory: usize,
    stem: String,
    /// `None` for a directory.
    file: Option<(u32, Vec<u8>)>,
    /// Attributes and times before it, in PAX format.
    has_attributes: bool,
}

/// An entry to be: the path in the pack, and of a file its mode and content.
#[derive(Debug)]
struct Member {
    path: String,
    file: Option<(u32, Vec<u8>)>,
    has_attributes: bool,
}

impl Member {
    fn plain(path: impl Into<String>, file: Option<(u32, Vec<u8>)>) -> Self {
        Self { path: path.into(), file, has_attributes: false }
    }
}

#[derive(Debug, Clone)]
struct Plan {
    format: Format,
    level: u32,
    wrapper: Option<String>,
    has_leading_dot: bool,
    has_global_header: bool,
    /// Each may be inside the one before it.
    directories: Vec<(bool, String)>,
    items: Vec<Item>,
    /// Directories that have entries of their own, by chance.
    named: Vec<bool>,
    litter: BTreeSet<usize>,
    padding: usize,
    order: Vec<u32>,
}

/// Archives that are good, with the files that they mean.
pub(crate) fn archives() -> impl Strategy<Value = Generated> {
    let layout = (
        select(vec![Format::V7, Format::Ustar, Format::Gnu, Format::Pax]),
        0..=9_u32,
        proptest::option::of(stem()),
        any::<bool>(),
        any::<bool>(),
    );
    let contents = (
        vec((any::<bool>(), stem()), 1..6),
        vec(item(), 0..8),
        vec(any::<bool>(), 16),
        proptest::collection::btree_set(0..16_usize, 0..3),
        0..40_usize,
        vec(any::<u32>(), 40),
    );
    (layout, contents).prop_map(
        |(
            (format, level, wrapper, has_leading_dot, has_global_header),
            (directories, items, named, litter, padding, order),
        )| {
            let plan = Plan {
                format,
                level,
                wrapper,
                has_leading_dot,
                has_global_header,
                directories,
                items,
                named,
                litter,
                padding,
                order,
            };
            plan.build()
        },
    )
}

/// The beginning of a name: short, of any script, or so long that no header has room for it.
fn stem() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9_+=@%~-][a-zA-Z0-9 ._+=@%~,'\"\\[\\]{}!$&*?<>|;`-]{0,20}",
        2 => "\\.[a-z0-9-]{1,8}",
        3 => "[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}\\p{So}]{0,12}",
        1 => "[a-z]{80,240}",
        1 => "(é|ß|日|Ω){20,70}",
    ]
}

fn item() -> impl Strategy<Value = Item> {
    let content = prop_oneof![
        3 => vec(any::<u8>(), 0..40),
        1 => select(vec![511, 512, 513, 1024, 5000]).prop_flat_map(|length| vec(any::<u8>(), length)),
        1 => Just(b"#!/bin/sh\necho hello\n".repeat(100)),
    ];
    // The owner may read, or nobody but root could compare.
    let file = proptest::option::weighted(0.8, (any::<u32>().prop_map(|mode| mode & 0o7777 | 0o400), content));
    (0..16_usize, stem(), file, any::<bool>()).prop_map(|(directory, stem, file, has_attributes)| Item {
        directory,
        stem,
        file,
        has_attributes,
    })
}

impl Plan {
    fn build(mut self) -> Generated {
        if !self.fits("pack.yaml") {
            self.wrapper = None;
        }
        let directories = self.paths_of_directories();
        let mut members = vec![Member::plain("pack.yaml", Some((0o644, MANIFEST.to_vec())))];
        for (number, item) in self.items.iter().enumerate() {
            let directory = &directories[item.directory % directories.len()];
            // A number at the end keeps names apart, and blanks and dots away from it.
            let path = format!("{directory}/{}{number}", item.stem);
            members.push(Member { path, file: item.file.clone(), has_attributes: item.has_attributes });
        }
        for (directory, _) in directories.iter().zip(&self.named).filter(|(_, named)| **named) {
            members.push(Member::plain(directory, None));
        }
        members.retain(|member| self.fits(&member.path));
        let pack = files(&members);
        for litter in &self.litter {
            let directory = &directories[litter % directories.len()];
            let path = if litter % 2 == 0 { format!("._{litter}") } else { format!("{directory}/.DS_Store") };
            // Where there is no directory, unpacking the litter would make one.
            if self.fits(&path) && (litter % 2 == 0 || pack.contains_key(&format!("{directory}/"))) {
                members.push(Member::plain(path, Some((0o644, b"litter".to_vec()))));
            }
        }
        let mut order =
            self.order.iter().cycle().zip(1..).map(|(number, index): (&u32, u32)| number.wrapping_mul(index));
        members.sort_by_cached_key(|_| order.next());
        let upload = self.archive(&members);
        Generated { upload, wrapper: self.wrapper, pack }
    }

    fn paths_of_directories(&self) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for (number, (is_nested, stem)) in self.directories.iter().enumerate() {
            let parent = match paths.last() {
                Some(last) if *is_nested && last.len() < 500 => last.clone(),
                _ => ["guides", "scripts", "data", "templates"][number % 4].to_owned(),
            };
            paths.push(format!("{parent}/{stem}d{number}"));
        }
        paths
    }

    /// The name that the archive gives to a path of the pack.
    fn name(&self, path: &str) -> String {
        let dot = if self.has_leading_dot { "./" } else { "" };
        match &self.wrapper {
            Some(wrapper) => format!("{dot}{wrapper}0/{path}"),
            None => format!("{dot}{path}"),
        }
    }

    /// Whether the format can say the name, with a slash at its end.
    fn fits(&self, path: &str) -> bool {
        let length = self.name(path).len() + 1;
        length <= 1000 && (length <= 100 || !matches!(self.format, Format::V7))
    }

    fn archive(&self, members: &[Member]) -> Vec<u8> {
        let mut archive = Archive::new();
        if self.has_global_header && !matches!(self.format, Format::V7) {
            archive = archive.extension(b'g', &pax_records(&[("comment", b"0123456789abcdef")]));
        }
        if self.has_leading_dot {
            archive = archive.header(self.header("./", None));
        }
        for member in members {
            archive = self.entry(archive, member);
        }
        let tar = [archive.tar(), vec![0; self.padding * BLOCK]].concat();
        gzip_at(&tar, Compression::new(self.level))
    }

    fn entry(&self, archive: Archive, member: &Member) -> Archive {
        let Member { path, file, has_attributes } = member;
        let (file, has_attributes) = (file.as_ref(), *has_attributes);
        let slash = if file.is_some() { "" } else { "/" };
        let name = self.name(path) + slash;
        let content = file.map_or([].as_slice(), |(_, content)| content);
        let size = content.len().to_string();
        let mut records: Vec<(&str, &[u8])> = Vec::new();
        if has_attributes && matches!(self.format, Format::Pax | Format::Ustar) {
            records.push(("mtime", b"1767225600.5"));
            records.push(("SCHILY.xattr.user.note", b"\xff\0\n=9 path=x\n"));
            records.push(("size", size.as_bytes()));
        }
        let is_long = name.len() > 100;
        let header = self.header(&name, file);
        let (archive, header) = match self.format {
            Format::Gnu if is_long => (archive.long_name(&name), header),
            Format::Ustar if is_long => match split(&name) {
                Some((prefix, rest)) => (archive, self.header(rest, file).field(PREFIX, prefix)),
                None => {
                    records.push(("path", name.as_bytes()));
                    (archive, header)
                }
            },
            Format::Pax if is_long || has_attributes => {
                records.push(("path", name.as_bytes()));
                (archive, header)
            }
            _ => (archive, header),
        };
        let archive = if records.is_empty() { archive } else { archive.pax(&records) };
        archive.entry(header, content)
    }

    /// A header with as much of the name as it has room for.
    fn header(&self, name: &str, file: Option<&(u32, Vec<u8>)>) -> Header {
        let name = &name.as_bytes()[..name.len().min(100)];
        let header = match self.format {
            // Only a slash tells a v7 directory.
            Format::V7 => return Header::v7(name).mode(file.map_or(0o755, |(mode, _)| *mode)),
            Format::Gnu => Header::gnu(name),
            Format::Ustar | Format::Pax => Header::ustar(name),
        };
        match file {
            Some((mode, _)) => header.mode(*mode),
            None => header.typeflag(b'5').mode(0o755),
        }
    }
}

/// What members leave in a directory, parents included.
fn files(members: &[Member]) -> Listing {
    let mut files = Listing::new();
    for Member { path, file, .. } in members {
        for (slash, _) in path.match_indices('/') {
            files.insert(path[..=slash].to_owned(), None);
        }
        match file {
            Some((mode, content)) => files.insert(path.clone(), Some((mode & 0o111 != 0, content.clone()))),
            None => files.insert(format!("{path}/"), None),
        };
    }
    files
}

/// A name in the two fields of a `ustar` header.
fn split(name: &str) -> Option<(&str, &str)> {
    let slash = name.match_indices('/').map(|(slash, _)| slash).find(|slash| name.len() - slash - 1 <= 100)?;
    let (prefix, rest) = (&name[..slash], &name[slash + 1..]);
    (prefix.len() <= 155 && !prefix.is_empty() && !rest.is_empty()).then_some((prefix, rest))
}
