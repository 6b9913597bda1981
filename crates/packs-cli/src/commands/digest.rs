use std::{
    io::{BufWriter, Write},
    path::Path,
};

use pack_format::{Visibility, image::write_layer};

use super::Outcome;
use crate::{
    cli::{Digest, ReportFormat},
    error::Error,
    output, report,
    source::Source,
    validation::{ValidPack, Validation},
};

pub(super) fn run(arguments: &Digest, out: &mut impl Write) -> Result<Outcome, Error> {
    let source = Source::open(&arguments.pack.path, arguments.pack.reading)?;
    // The digests do not depend on the visibility, and fewer rules apply to an org pack.
    let validation = Validation::new(&source, Visibility::Org)?;
    let Validation::Valid(mut valid) = validation else {
        report::print(ReportFormat::Human, &source, &validation, &mut anstream::stderr())?;
        return Ok(Outcome::Problems);
    };
    if let Some(path) = &arguments.layer {
        write(&mut valid, path)?;
    }
    writeln!(out, "image_digest {}", valid.image.digest)?;
    writeln!(out, "layer_digest {}", valid.image.layer.digest)?;
    writeln!(out, "size_bytes {}", valid.image.size_bytes())?;
    Ok(Outcome::Success)
}

fn write(valid: &mut ValidPack, path: &Path) -> Result<(), Error> {
    output::write(path, |file| {
        let mut layer = BufWriter::new(file);
        write_layer(&valid.pack.tree, &mut valid.contents, &mut layer).map_err(Error::write(path))?;
        layer.flush().map_err(Error::write(path))
    })
}
