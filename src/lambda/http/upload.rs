use bytes::Bytes;
use lambda_http::{
    Body, Request,
    http::{HeaderValue, Response, StatusCode, header::LOCATION},
};
use pack_format::{Problems, Quoted};
use tokio::time::{Instant, timeout_at};
use tracing::{Span, field};
use upload_form::{FORM, Form, UPLOAD_ID};

use super::{Api, ApiError, audit::Audit, json, media_type::MediaType, query::Query, record::RecordView};
use crate::{
    aws::RateCounter,
    identity::Caller,
    records::{Timestamp, UploadId, Visibility},
    telemetry::Metrics,
    upload::{Accepted, Archive, Checked, Outcome, Prepared, Submission, UploadError},
};

/// A valid upload request for which no record has been written.
enum Valid {
    DryRun(Checked),
    Upload(Prepared),
}

/// Handles `POST /v1/packs/upload`. Counts the request while staging and validating the archive.
pub(super) async fn upload(
    api: &Api,
    caller: &Caller,
    query: Query,
    request: Request,
    arrived_at: Instant,
    audit: &Audit,
) -> Result<Response<Body>, ApiError> {
    caller.check_may_upload(Timestamp::now())?;
    let count = timeout_at(arrived_at + api.uploads.deadline, api.rates.count(&caller.org, RateCounter::Changes));
    let count = async { Ok::<_, ApiError>(count.await??) };
    // An exceeded rate takes precedence over whatever is wrong with the request. So wrap the result of `prepare` in
    // `Ok`: `try_join!` then returns early only if counting fails.
    let prepare = Box::pin(prepare(api, caller, query, request, arrived_at));
    let prepare = async { Ok::<_, ApiError>(prepare.await) };
    let ((), prepared) = tokio::try_join!(count, prepare)?;
    match prepared? {
        Valid::DryRun(Checked { release, warnings }) => {
            Metrics::by("Outcome", "dry_run").count("Uploads", 1).write();
            Ok(json(StatusCode::OK, &RecordView::from_release(&release, caller).with_warnings(&warnings)))
        }
        Valid::Upload(prepared) => Box::pin(commit(api, caller, prepared, audit)).await,
    }
}

/// Reads the form, and validates the archive. Also stages an archive that is in the request, unless the request is a
/// dry run or its query or form has problems.
async fn prepare(
    api: &Api,
    caller: &Caller,
    query: Query,
    request: Request,
    arrived_at: Instant,
) -> Result<Valid, ApiError> {
    let mut problems = Problems::default();
    let dry_run = query.into_dry_run(&mut problems);
    let form = read_form(api, request, &mut problems).await?;
    let visibility = visibility(form.visibility.as_deref(), &mut problems);
    let archive = archive(form, caller, &mut problems);
    let submission = archive.map(|archive| {
        let uploaded_by = caller.credential_id.clone();
        Submission { archive, visibility, uploaded_by, arrived_at }
    });
    match submission {
        Some(submission) if !problems.is_empty() => Err(with_pack_problems(api, caller, submission, problems).await),
        None => Err(ApiError::Validation(problems)),
        Some(submission) if dry_run => Ok(Valid::DryRun(api.uploads.check(&caller.org, submission).await?)),
        Some(submission) => Ok(Valid::Upload(api.uploads.prepare(&caller.org, submission).await?)),
    }
}

fn visibility(text: Option<&str>, problems: &mut Problems) -> Visibility {
    let Some(text) = text else { return Visibility::default() };
    text.parse().unwrap_or_else(|_| {
        problems.add("visibility", format_args!("is {}; must be `org` or `community`", Quoted::new(text)));
        Visibility::default()
    })
}

/// Returns the archive in the form, or the staged archive that the form's `upload_id` identifies. Returns `None` if
/// there is neither; `problems` then contains the reason.
fn archive(form: Form, caller: &Caller, problems: &mut Problems) -> Option<Archive> {
    let sent = form.upload_id.and_then(|text| {
        let id = UploadId::parse(&text, caller.org.id, Timestamp::now());
        id.map_err(|unknown| problems.add(UPLOAD_ID, unknown)).ok()
    });
    form.archive.map(Archive::InRequest).or(sent.map(Archive::InStaging))
}

/// Reads the body as a form. Returns the parts that were found, and adds a problem for everything that is wrong with
/// the form.
///
/// # Errors
/// Returns [`ApiError::UnsupportedMediaType`] if the content type is not that of a form, and
/// [`ApiError::PayloadTooLarge`] if the archive exceeds the limit on compressed bytes.
async fn read_form(api: &Api, request: Request, problems: &mut Problems) -> Result<Form, ApiError> {
    let content_type = MediaType::Form.check(request.headers())?;
    let boundary = match upload_form::boundary(&content_type) {
        Ok(boundary) => boundary,
        Err(error) => {
            problems.add(FORM, error);
            return Ok(Form::default());
        }
    };
    let body = match request.into_body() {
        Body::Binary(bytes) => Bytes::from(bytes),
        Body::Text(text) if text.contains(char::REPLACEMENT_CHARACTER) => {
            problems.add(
                FORM,
                "the gateway treated the body as text and corrupted it; \
                 the operator of this API must add `*/*` to its binaryMediaTypes",
            );
            return Ok(Form::default());
        }
        Body::Text(text) => Bytes::from(text),
        _ => Bytes::new(),
    };
    let uploads = &api.uploads;
    let form = Form::read(boundary, body, &uploads.limits, problems).await;
    form.map_err(|limit| ApiError::PayloadTooLarge { larger: uploads.larger(&limit), limit })
}

/// Also validates the archive of an invalid request, so that one response lists all problems. If the archive is too
/// large, the response names only the exceeded limit.
async fn with_pack_problems(api: &Api, caller: &Caller, submission: Submission, mut problems: Problems) -> ApiError {
    match api.uploads.check(&caller.org, submission).await {
        Err(error @ UploadError::TooLarge { .. }) => return error.into(),
        Err(UploadError::Invalid(more)) => problems.append(more),
        Err(error @ UploadError::NotSent) => problems.add(UPLOAD_ID, error),
        // Either the pack is valid, or it could not be validated. The request is invalid in both cases.
        _ => {}
    }
    ApiError::Validation(problems)
}

async fn commit(api: &Api, caller: &Caller, prepared: Prepared, audit: &Audit) -> Result<Response<Body>, ApiError> {
    let Accepted { outcome, warnings } = api.uploads.commit(&caller.org, prepared).await?;
    let (status, outcome, record) = match outcome {
        Outcome::Created(record) => (StatusCode::CREATED, "created", record),
        Outcome::Existing(record) => (StatusCode::OK, "existing", record),
        Outcome::QueuedAgain(record) => (StatusCode::OK, "queued_again", record),
    };
    Span::current().record("pack_id", field::display(record.id));
    audit.uploaded(outcome, &record);
    Metrics::by("Outcome", outcome).count("Uploads", 1).write();
    let mut response = json(status, &RecordView::from_record(&record, caller).with_warnings(&warnings));
    if status == StatusCode::CREATED {
        let location = HeaderValue::try_from(format!("/v1/packs/{}", record.id));
        response.headers_mut().insert(LOCATION, location.expect("a pack id is visible ASCII"));
    }
    Ok(response)
}
