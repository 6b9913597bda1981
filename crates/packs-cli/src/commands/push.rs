use std::{
    io::{BufRead, Write},
    thread::sleep,
    time::{Duration, Instant},
};

use pack_format::Limits;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use ureq::http::Method;

use super::{Outcome, records};
use crate::{
    cli::{Push, ReportFormat},
    error::Error,
    interrupt::{self, Uploaded},
    report,
    service::{Body, Request, Service, ServiceError, Upload},
    source::Source,
    validation::Validation,
};

/// How long to wait for a build.
const BUILD_TIMEOUT: Duration = Duration::from_secs(600);
/// The first and the longest pause between two polls of a build's status.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

pub(super) fn run(arguments: &Push, out: &mut impl Write) -> Result<Outcome, Error> {
    let service = Service::from_env()?;
    let uploaded = Uploaded::default();
    interrupt::handle(&uploaded)?;
    let source = Source::open(&arguments.pack.path, arguments.pack.reading)?;
    let validation = Validation::new(&source, arguments.visibility)?;
    if let Validation::Invalid(_) = validation {
        report::print(ReportFormat::Human, &source, &validation, &mut anstream::stderr())?;
        return Ok(Outcome::Problems);
    }
    let push = Pushing {
        service: &service,
        source: &source,
        path: if arguments.dry_run { "/v1/packs/upload?dry_run=true" } else { "/v1/packs/upload" },
        visibility: arguments.visibility.to_string(),
    };
    let mut record = match push.upload() {
        Err(Error::Service(ServiceError::Rejected(rejection)))
            if rejection.code.as_deref() == Some("validation_error") =>
        {
            report::print_rejection(&rejection.details, &mut anstream::stderr())?;
            return Ok(Outcome::Problems);
        }
        result => result?,
    };
    report::print_warnings(&record, &mut anstream::stderr())?;
    if !arguments.dry_run {
        let id = records::text(&record, "id")?.to_owned();
        uploaded.set(&id);
        anstream::eprintln!("uploaded {id}");
        if !arguments.no_wait {
            record = wait(&service, &id, record)?;
        }
    }
    records::print(&record, arguments.output.format, out)?;
    Ok(Outcome::Success)
}

struct Pushing<'a> {
    service: &'a Service,
    source: &'a Source,
    path: &'a str,
    visibility: String,
}

impl Pushing<'_> {
    /// Uploads the pack, and returns its record. Sends the archive in the request, or to S3 if the archive exceeds a
    /// request limit.
    fn upload(&self) -> Result<Value, Error> {
        let (file, size) = (self.source.archive(), self.source.size());
        if size > Limits::default().compressed_bytes {
            return self.upload_large();
        }
        match self.submit(Upload::Archive { file, size }) {
            Err(ServiceError::Rejected(rejection)) if !rejection.details["larger"].is_null() => self.upload_large(),
            result => Ok(result?),
        }
    }

    fn upload_large(&self) -> Result<Value, Error> {
        let (file, size) = (self.source.archive(), self.source.size());
        let body = Body::Json(json!({ "size_bytes": size, "sha256": self.sha256()? }));
        let begin = Request { method: Method::POST, target: "/v1/packs/uploads", headers: Vec::new(), body };
        let begun = self.service.send(&begin)?;
        let headers = begun["headers"].as_object().ok_or(Error::MissingField("headers"))?;
        let headers = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
        let put = Request {
            method: Method::PUT,
            target: records::text(&begun, "url")?,
            // `Body::File` sets `content-length`.
            headers: headers.filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")).collect(),
            body: Body::File { file, size },
        };
        self.service.send(&put)?;
        Ok(self.submit(Upload::Id(records::text(&begun, "upload_id")?))?)
    }

    fn submit(&self, upload: Upload<'_>) -> Result<Value, ServiceError> {
        let body = Body::Form { upload, visibility: &self.visibility };
        self.service.send(&Request { method: Method::POST, target: self.path, headers: Vec::new(), body })
    }

    /// Returns the SHA-256 of the archive in hexadecimal.
    fn sha256(&self) -> Result<String, Error> {
        let mut hash = Sha256::new();
        let mut archive = self.source.reader().map_err(Error::Validate)?;
        loop {
            let chunk = archive.fill_buf().map_err(Error::Validate)?;
            if chunk.is_empty() {
                return Ok(hex::encode(hash.finalize()));
            }
            hash.update(chunk);
            let read = chunk.len();
            archive.consume(read);
        }
    }
}

/// Waits for the build to succeed, and returns the pack's record. Returns an error if the build fails or takes longer
/// than [`BUILD_TIMEOUT`], or if the pack is quarantined or deleted.
fn wait(service: &Service, id: &str, mut record: Value) -> Result<Value, Error> {
    let began = Instant::now();
    let [mut pause, longest] = PAUSES;
    loop {
        match records::text(&record, "build_status")? {
            "ready" => return Ok(record),
            "queued" if began.elapsed() < BUILD_TIMEOUT => sleep(pause),
            "queued" => return Err(Error::BuildQueued(id.to_owned())),
            "failed" => {
                let reason = records::text(&record, "build_error")?.to_owned();
                return Err(Error::BuildFailed { id: id.to_owned(), reason });
            }
            status => return Err(Error::NotBuilt { id: id.to_owned(), status: status.to_owned() }),
        }
        pause = longest.min(pause.mul_f64(1.5));
        record = service.get(&format!("/v1/packs/{id}"))?;
    }
}
