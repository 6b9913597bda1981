use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
};

use pack_format::PackName;

use super::Outcome;
use crate::error::Error;

pub(super) fn run(name: &PackName, out: &mut impl Write) -> Result<Outcome, Error> {
    let directory = PathBuf::from(name.as_str());
    let path = directory.join("pack.yaml");
    fs::create_dir_all(&directory).map_err(Error::write(&directory))?;
    let mut file = File::create_new(&path).map_err(Error::write(&path))?;
    // Quote names that YAML 1.1 parsers read as a boolean, such as `yes`, or as null.
    let quoted = if matches!(name.as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null") {
        format!("\"{name}\"")
    } else {
        name.to_string()
    };
    let manifest = format!("name: {quoted}\nversion: 0.1.0\ndescription: Describe what the pack is for.\n");
    file.write_all(manifest.as_bytes()).map_err(Error::write(&path))?;
    writeln!(out, "created {}", path.display())?;
    Ok(Outcome::Success)
}
