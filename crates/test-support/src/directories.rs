//! Writes random packs to directories.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use fastrand::Rng;

use crate::manifest::MANIFEST;

/// The starts of names. [`name`] appends a number that makes each name unique, even if case is ignored. All are in
/// Unicode normalization form C, because bsdtar would compose decomposed characters.
const STEMS: [&str; 11] =
    ["a", "Read me", "run.sh", "é", "日本語", "😀", ".hidden", "it's", "\"quoted\"", "a+b=c,d", "-x"];
const SIZES: [usize; 8] = [0, 1, 3, 511, 512, 513, 1_024, 5_000];

/// Writes a random pack: files and directories with various names, sizes and modes, and sometimes files that validation
/// drops.
pub fn make_directory(directory: &Path, has_long_names: bool, random: &mut Rng) {
    fs::create_dir(directory).unwrap();
    let mut parents: Vec<String> = ["guides", "scripts", "data", "templates"].map(str::to_owned).into();
    random.shuffle(&mut parents);
    parents.truncate(random.usize(1..=4));
    for parent in &parents {
        fs::create_dir(directory.join(parent)).unwrap();
    }
    write(&directory.join("pack.yaml"), MANIFEST.as_bytes(), 0o644);
    for index in 0..random.usize(1..6) {
        let parent = &parents[random.usize(..parents.len())];
        let path = format!("{parent}/{}", name(index, has_long_names, random));
        if random.u8(..4) == 0 && path.len() < 600 {
            fs::create_dir(directory.join(&path)).unwrap();
            fs::set_permissions(directory.join(&path), Permissions::from_mode(mode(&[0o755, 0o700, 0o2775], random)))
                .unwrap();
            parents.push(path);
        } else {
            let content = content(random);
            write(&directory.join(path), &content, mode(&[0o644, 0o600, 0o664, 0o755, 0o700, 0o4755], random));
        }
    }
    for (ignored, chance) in [(".gitignore", 4), (".gitattributes", 8), (".DS_Store", 4), ("._pack.yaml", 8)] {
        if random.u8(..chance) == 0 {
            write(&directory.join(ignored), b"", 0o644);
        }
    }
}

fn name(index: usize, has_long_names: bool, random: &mut Rng) -> String {
    let stem = STEMS[random.usize(..STEMS.len())];
    let filler = if !has_long_names {
        String::new()
    } else if random.bool() {
        "x".repeat(random.usize(1..230))
    } else {
        "ü".repeat(random.usize(1..110))
    };
    format!("{stem}{filler}{index}")
}

fn content(random: &mut Rng) -> Vec<u8> {
    let size = SIZES[random.usize(..SIZES.len())];
    if random.bool() {
        return b"# A guide\n".iter().copied().cycle().take(size).collect();
    }
    (0..size).map(|_| random.u8(..)).collect()
}

fn mode(modes: &[u32], random: &mut Rng) -> u32 {
    modes[random.usize(..modes.len())]
}

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
