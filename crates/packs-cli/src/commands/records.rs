//! Lists packs, prints their records, sets their visibility, and deletes them.

use std::io::{self, Write};

use serde_json::{Value, json};
use ureq::http::Method;

use super::Outcome;
use crate::{
    cli::{List, RecordFormat, SetVisibility, Show},
    error::Error,
    pack_id::PackId,
    service::{Body, Request, Service, ServiceError},
};

pub(super) fn show(arguments: &Show, out: &mut impl Write) -> Result<Outcome, Error> {
    let record = Service::from_env()?.get(&format!("/v1/packs/{}", arguments.id))?;
    match arguments.output.format {
        RecordFormat::Line => print_fields(&record, out)?,
        RecordFormat::Json => print(&record, RecordFormat::Json, out)?,
    }
    Ok(Outcome::Success)
}

/// Prints the packs on all pages.
pub(super) fn list(arguments: &List, out: &mut impl Write) -> Result<Outcome, Error> {
    let service = Service::from_env()?;
    let filters = [
        ("name", arguments.name.as_ref().map(ToString::to_string)),
        // In a query, `+` stands for a space.
        ("version", arguments.version.as_ref().map(|version| version.as_str().replace('+', "%2B"))),
        ("visibility", arguments.visibility.map(|visibility| visibility.to_string())),
        ("owned", arguments.owned.map(|owned| owned.to_string())),
    ];
    let filters: String =
        filters.iter().filter_map(|(name, value)| Some(format!("&{name}={}", value.as_ref()?))).collect();
    let mut records = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut page = service.get(&format!("/v1/packs?limit=1000{filters}{cursor}"))?;
        match page["packs"].take() {
            Value::Array(packs) => records.extend(packs),
            _ => return Err(Error::MissingField("packs")),
        }
        match page["next_cursor"].as_str() {
            None => break,
            Some(next) => cursor = format!("&cursor={next}"),
        }
    }
    match arguments.output.format {
        RecordFormat::Json => writeln!(out, "{:#}", Value::from(records))?,
        RecordFormat::Line => records.iter().try_for_each(|record| print_row(record, out))?,
    }
    Ok(Outcome::Success)
}

pub(super) fn delete(id: &PackId, out: &mut impl Write) -> Result<Outcome, Error> {
    let target = format!("/v1/packs/{id}");
    let request = Request { method: Method::DELETE, target: &target, headers: Vec::new(), body: Body::Empty };
    match Service::from_env()?.send(&request) {
        // The pack is deleted: an earlier attempt began the deletion, which has finished since then.
        Err(ServiceError::Rejected(rejection)) if rejection.status == 404 && rejection.failed_before > 0 => {}
        result => drop(result?),
    }
    writeln!(out, "deleted {id}")?;
    Ok(Outcome::Success)
}

pub(super) fn set_visibility(arguments: &SetVisibility, out: &mut impl Write) -> Result<Outcome, Error> {
    let target = format!("/v1/packs/{}", arguments.id);
    let body = Body::Json(json!({ "visibility": arguments.visibility }));
    let request = Request { method: Method::PATCH, target: &target, headers: Vec::new(), body };
    let record = Service::from_env()?.send(&request)?;
    print(&record, arguments.output.format, out)?;
    Ok(Outcome::Success)
}

/// Returns a string field of a response.
pub(super) fn text<'a>(response: &'a Value, field: &'static str) -> Result<&'a str, Error> {
    response[field].as_str().ok_or(Error::MissingField(field))
}

pub(super) fn print(record: &Value, format: RecordFormat, out: &mut impl Write) -> io::Result<()> {
    match format {
        RecordFormat::Json => writeln!(out, "{record:#}"),
        RecordFormat::Line => {
            let fields = ["name", "version", "image_digest", "image_ref"];
            let texts: Vec<&str> = fields.iter().filter_map(|field| record[field].as_str()).collect();
            writeln!(out, "{}", texts.join(" "))
        }
    }
}

/// Prints each field of a record on a new line. If a field has several lines, indents all but the first.
fn print_fields(record: &Value, out: &mut impl Write) -> io::Result<()> {
    for (name, value) in record.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(out, "{name}: {}", text.trim_end().replace('\n', "\n    "))?;
    }
    Ok(())
}

fn print_row(record: &Value, out: &mut impl Write) -> io::Result<()> {
    let field = |name: &str| record[name].as_str().unwrap_or("-");
    let [id, name, version] = ["id", "name", "version"].map(field);
    writeln!(out, "{id}  {name} {version}  {}  {}", field("visibility"), field("build_status"))
}
