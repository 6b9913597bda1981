//! Generates random packs, and a valid archive of each in one of the tar formats.

use std::collections::BTreeSet;

use flate2::Compression;
use proptest::{collection::vec, prelude::*, sample::select, strategy::ValueTree as _, test_runner::TestRunner};
use test_support::{
    archive::{Archive, BLOCK, Header, PREFIX, gzip_at, pax_records},
    listing::Listing,
    manifest::MANIFEST,
};
use unicode_normalization::UnicodeNormalization as _;

/// An archive and the pack that it contains.
#[derive(Debug, Clone)]
pub(crate) struct Generated {
    pub(crate) upload: Vec<u8>,
    /// The name of the wrapping directory, without the `0` that is appended to it in the archive.
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
    /// Selects the parent directory: its index is this number modulo the number of directories.
    directory: usize,
    stem: String,
    /// The mode and content, or `None` for a directory.
    file: Option<(u32, Vec<u8>)>,
    /// Whether a PAX header with a time and an extended attribute precedes the entry, if the format allows it.
    has_attributes: bool,
}

/// An entry of the archive. The path is relative to the pack's root.
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
    /// For each directory: whether it is inside the previous one, and the stem of its name.
    directories: Vec<(bool, String)>,
    items: Vec<Item>,
    /// Whether each directory has an entry of its own.
    has_entry: Vec<bool>,
    /// Files that validation drops, one for each number. An even number adds a file at the top, and an odd number a
    /// file in a directory.
    ignored: BTreeSet<usize>,
    /// The number of zero blocks after the end-of-archive marker.
    padding: usize,
    /// Sort keys for shuffling the entries.
    order: Vec<u32>,
}

/// Returns 512 valid archives, which are the same in every run.
pub(crate) fn generated_archives() -> Vec<Generated> {
    let mut runner = TestRunner::deterministic();
    (0..512).map(|_| archives().new_tree(&mut runner).unwrap().current()).collect()
}

fn archives() -> impl Strategy<Value = Generated> {
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
            (directories, items, has_entry, ignored, padding, order),
        )| {
            let plan = Plan {
                format,
                level,
                wrapper,
                has_leading_dot,
                has_global_header,
                directories,
                items,
                has_entry,
                ignored,
                padding,
                order,
            };
            plan.build()
        },
    )
}

/// Generates the start of a name: short, hidden, in any script, or long.
fn stem() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9_+=@%~-][a-zA-Z0-9 ._+=@%~,'\"\\[\\]{}!$&*?<>|;`-]{0,20}",
        2 => "\\.[a-z0-9-]{1,8}",
        // Names must not contain invisible characters: those with the property Default_Ignorable_Code_Point (DI).
        3 => "[\\p{L}\\p{N}--\\p{DI}][\\p{L}\\p{M}\\p{N}\\p{So}--\\p{DI}]{0,12}",
        1 => "[a-z]{80,240}",
        1 => "(é|ß|日|Ω){20,70}",
    ]
    // Use Unicode normalization form C, because bsdtar composes the characters of a PAX `path`.
    .prop_map(|stem| stem.nfc().collect())
}

fn item() -> impl Strategy<Value = Item> {
    let content = prop_oneof![
        3 => vec(any::<u8>(), 0..40),
        1 => select(vec![511, 512, 513, 1024, 5000]).prop_flat_map(|length| vec(any::<u8>(), length)),
        1 => Just(b"#!/bin/sh\necho hello\n".repeat(100)),
    ];
    // The owner needs read permission, or else the test cannot compare the unpacked file.
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
        let mut members = vec![Member::plain("pack.yaml", Some((0o644, MANIFEST.into())))];
        for (number, item) in self.items.iter().enumerate() {
            let directory = &directories[item.directory % directories.len()];
            // The number makes the name unique, and keeps it from ending with whitespace or a dot.
            let path = format!("{directory}/{}{number}", item.stem);
            members.push(Member { path, file: item.file.clone(), has_attributes: item.has_attributes });
        }
        for (directory, _) in directories.iter().zip(&self.has_entry).filter(|(_, has_entry)| **has_entry) {
            members.push(Member::plain(directory, None));
        }
        members.retain(|member| self.fits(&member.path));
        let mut pack = files(&members);
        for index in &self.ignored {
            let directory = &directories[index % directories.len()];
            let path = if index % 2 == 0 { format!("._{index}") } else { format!("{directory}/.DS_Store") };
            if self.fits(&path) {
                let file = Member::plain(path, Some((0o644, b"ignored".to_vec())));
                // The pack has the parent directories of a dropped file, because tar readers create them.
                pack.extend(files(std::slice::from_ref(&file)).into_iter().filter(|(_, file)| file.is_none()));
                members.push(file);
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

    /// Converts a path in the pack to a name in the archive.
    fn name(&self, path: &str) -> String {
        let dot = if self.has_leading_dot { "./" } else { "" };
        match &self.wrapper {
            Some(wrapper) => format!("{dot}{wrapper}0/{path}"),
            None => format!("{dot}{path}"),
        }
    }

    /// Returns whether the name of this path, with a trailing slash, fits in the format and is within the limit on
    /// names.
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
            records.push(("SCHILY.xattr.user.note", b"\xff\n=9 path=x"));
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

    /// Returns a header that contains the first 100 bytes of the name.
    fn header(&self, name: &str, file: Option<&(u32, Vec<u8>)>) -> Header {
        let name = &name.as_bytes()[..name.len().min(100)];
        let header = match self.format {
            // In v7 format, a trailing slash in the name marks a directory.
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

/// Returns the files and directories that unpacking creates, including parent directories.
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

/// Splits a name into the prefix and name fields of a `ustar` header. Returns `None` if the name does not fit.
fn split(name: &str) -> Option<(&str, &str)> {
    let slash = name.match_indices('/').map(|(slash, _)| slash).find(|slash| name.len() - slash - 1 <= 100)?;
    let (prefix, rest) = (&name[..slash], &name[slash + 1..]);
    (prefix.len() <= 155 && !prefix.is_empty() && !rest.is_empty()).then_some((prefix, rest))
}
