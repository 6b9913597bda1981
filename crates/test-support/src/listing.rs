//! Listings of the contents of directories and packs. Tests compare them, and write them to directories.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

/// Files and directories by path. The value is a file's execute bit and content, or `None` for a directory. A
/// directory's path ends with `/`.
pub type Listing = BTreeMap<String, Option<(bool, Vec<u8>)>>;

/// Lists everything below a directory. A name that is not UTF-8 is listed with replacement characters.
///
/// # Panics
/// Panics if the directory contains anything other than files and directories.
pub fn read_directory(directory: &Path) -> Listing {
    let mut listing = Listing::new();
    read_into(&mut listing, directory, "");
    listing
}

fn read_into(listing: &mut Listing, directory: &Path, prefix: &str) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            read_into(listing, &entry.path(), &format!("{path}/"));
            listing.insert(format!("{path}/"), None);
        } else {
            assert!(metadata.is_file(), "{path} is neither a file nor a directory");
            let executable = metadata.permissions().mode() & 0o111 != 0;
            listing.insert(path, Some((executable, fs::read(entry.path()).unwrap())));
        }
    }
}

/// Creates the files and directories in a listing, and their parents. Only the owner can read the files.
pub fn write_directory(directory: &Path, listing: &Listing) {
    for (path, file) in listing {
        let path = directory.join(path);
        let Some((executable, content)) = file else {
            fs::create_dir_all(path).unwrap();
            continue;
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let mode = if *executable { 0o700 } else { 0o600 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}
