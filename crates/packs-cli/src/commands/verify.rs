use std::io::{self, Write};

use attestation::{BUILDER_ID, SERVICE, Statement};
use pack_format::Digest;
use serde_json::{Value, json};

use super::{Outcome, records};
use crate::{
    cli::{Verify, VerifyFormat},
    error::Error,
    pack_id::PackId,
    registry::{Reference, Repository},
    service::Service,
    target::Target,
    verification::TrustedKeys,
};

/// An image, and the unverified bundles that claim to be about it.
struct Attested {
    image: Digest,
    bundles: Vec<Vec<u8>>,
}

pub(super) fn run(arguments: &Verify, out: &mut impl Write) -> Result<Outcome, Error> {
    let keys = match &*arguments.keys {
        [] => TrustedKeys::from_response(&Service::public_from_env()?.get("/v1/attestation-keys")?)?,
        files => TrustedKeys::from_files(files)?,
    };
    let Attested { image, bundles } = match &arguments.target {
        Target::Pack(_) if arguments.username.is_some() => return Err(Error::UnusedUsername),
        Target::Pack(id) => in_service(id)?,
        Target::Image(reference) => in_registry(reference, arguments.username.as_deref())?,
    };
    let mut statements = Vec::new();
    let mut reasons = Vec::new();
    for bundle in &bundles {
        match keys.verify(bundle, image) {
            Ok(statement) => statements.push(statement),
            Err(reason) => reasons.push(reason),
        }
    }
    // Anyone who can push to the repository can attach a bundle, so one valid bundle is enough, whatever else is
    // attached.
    let level = if statements.is_empty() { "error" } else { "warning" };
    for reason in reasons {
        anstream::eprintln!("{level}: an attestation of {image} is not valid: {reason}");
    }
    if bundles.is_empty() {
        anstream::eprintln!("error: {image} has no attestation");
    }
    if statements.is_empty() {
        return Ok(Outcome::Problems);
    }
    match arguments.format {
        VerifyFormat::Human => print(image, &statements, out)?,
        VerifyFormat::Json => writeln!(out, "{:#}", report(image, &statements))?,
    }
    Ok(Outcome::Success)
}

fn in_service(id: &PackId) -> Result<Attested, Error> {
    let service = Service::from_env()?;
    let record = service.get(&format!("/v1/packs/{id}"))?;
    let image = records::text(&record, "image_digest")?.parse();
    let image = image.map_err(|_| Error::MissingField("image_digest"))?;
    let response = service.get(&format!("/v1/packs/{id}/attestations"))?;
    let bundles = response["bundles"].as_array().ok_or(Error::MissingField("bundles"))?;
    Ok(Attested { image, bundles: bundles.iter().map(|bundle| bundle.to_string().into_bytes()).collect() })
}

fn in_registry(reference: &Reference, username: Option<&str>) -> Result<Attested, Error> {
    let repository = Repository::new(reference, username)?;
    let image = repository.image_digest()?;
    Ok(Attested { image, bundles: repository.bundles(image)? })
}

fn report(image: Digest, statements: &[Statement]) -> Value {
    let attestation = |statement: &Statement| {
        json!({
            "repository": statement.repository,
            "org_id": statement.org_id,
            "name": statement.name,
            "version": statement.version,
            "pack_id": statement.pack_id,
            "archive_sha256": statement.archive_sha256,
            "layer_digest": statement.layer_digest,
            "builder": { "id": BUILDER_ID, "version": { SERVICE: statement.builder_version } },
            "finished_on": statement.finished_on,
        })
    };
    json!({ "image_digest": image, "attestations": statements.iter().map(attestation).collect::<Vec<_>>() })
}

/// Prints the digest of the image, and then each statement after an empty line.
fn print(image: Digest, statements: &[Statement], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "verified {image}")?;
    for statement in statements {
        let builder = format!("{BUILDER_ID} ({SERVICE} {})", statement.builder_version);
        let fields = [
            ("repository", &statement.repository),
            ("org_id", &statement.org_id),
            ("name", &statement.name.to_string()),
            ("version", &statement.version.to_string()),
            ("archive_sha256", &statement.archive_sha256.to_string()),
            ("layer_digest", &statement.layer_digest.to_string()),
            ("builder", &builder),
            ("finished_on", &statement.finished_on),
        ];
        writeln!(out)?;
        for (name, value) in fields {
            writeln!(out, "{name}: {value}")?;
        }
    }
    Ok(())
}
