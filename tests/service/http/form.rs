use serde_json::json;

use super::{
    backend::{BOUNDARY, Backend, form, upload},
    event,
};

const MISSING: &str = "is missing; send the pack as a .tar.gz in a part named `archive`";
const MALFORMED: &str = "is not valid multipart/form-data: ";
const NO_BOUNDARY: &str = "the Content-Type header has no valid boundary; let the HTTP client set the header";

#[tokio::test]
async fn another_content_type_is_unsupported() {
    let backend = Backend::start().await;
    for content_type in
        ["", "application/gzip", "multipart/mixed; boundary=x", "multipart/form-datum; boundary=x", "form-data"]
    {
        let mut event = event("upload-http-api");
        event["headers"]["content-type"] = json!(content_type);
        assert_eq!(backend.answer(&event).await.code(), (415, "unsupported_media_type"), "{content_type}");
    }
}

#[tokio::test]
async fn a_boundary_that_cannot_be_used_is_not_valid() {
    let backend = Backend::start().await;
    for parameter in [
        "",
        "; boundary",
        "; boundary=",
        "; boundary=\"\"",
        "; charset=utf-8",
        &format!("; boundary={}", "x".repeat(71)),
    ] {
        let mut event = event("upload-http-api");
        event["headers"]["content-type"] = json!(format!("multipart/form-data{parameter}"));
        assert_eq!(backend.answer(&event).await.fields(), &json!({"form": [NO_BOUNDARY]}), "{parameter}");
    }
    let mut event = event("upload-http-api");
    event["headers"]["content-type"] = json!(format!("Multipart/Form-Data; charset=utf-8; Boundary=\"{BOUNDARY}\""));
    assert_eq!(backend.answer(&event).await.status, 201);
}

#[tokio::test]
async fn a_form_that_breaks_off_or_is_none() {
    let backend = Backend::start().await;
    let whole = form(&[("visibility", b"org")]);
    let text = String::from_utf8(whole.clone()).unwrap();
    for (body, problem) in [
        (b"".to_vec(), "incomplete multipart stream"),
        (b"PK\x03\x04".to_vec(), "incomplete multipart stream"),
        (whole[..whole.len() - 6].to_vec(), "field \"visibility\" received with incomplete data"),
        (whole[..60].to_vec(), "incomplete multipart stream"),
        (text.replace("\r\n", "\n").into_bytes(), "incomplete multipart stream"),
        (text.replace("Content-Disposition:", "Content Disposition:").into_bytes(), "failed to read headers"),
    ] {
        let answer = backend.answer(&upload(&body)).await;
        let shown = String::from_utf8_lossy(&body);
        assert_eq!(answer.fields(), &json!({"form": [format!("{MALFORMED}{problem}")]}), "{shown}");
    }
    let mut event = event("upload-http-api");
    event.as_object_mut().unwrap().remove("body");
    assert_eq!(
        backend.answer(&event).await.fields(),
        &json!({"form": [format!("{MALFORMED}incomplete multipart stream")]})
    );
}

#[tokio::test]
async fn parts_that_are_missing_unknown_repeated_or_wrong_are_told_at_once() {
    let backend = Backend::start().await;
    assert_eq!(backend.upload(&[]).await.fields(), &json!({"archive": [MISSING]}));
    assert_eq!(
        backend
            .upload(&[("visibility", b"private"), ("file", b"1"), ("visibility", b"org"), ("", b"2")])
            .await
            .fields(),
        &json!({
            "archive": [MISSING],
            "file": ["is not a part of this form; send `archive` or `upload_id`, and optionally `visibility`"],
            "form": ["has a part without a name"],
            "visibility": ["appears more than once; send it only once", "is `private`; must be `org` or `community`"],
        })
    );
    // The archive is validated even so: its problems stand beside the form's and the query's.
    let mut event = upload(&form(&[("archive", b"no gzip"), ("archive", b"no gzip"), ("visibility", b"org\n")]));
    event["rawQueryString"] = json!("dry_run=1&dry_run=2&page=3");
    let answer = backend.answer(&event).await;
    let fields = answer.fields().as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["archive", "dry_run", "page", "visibility"]);
    assert_eq!(fields["archive"][0], "appears more than once; send it only once");
    assert!(fields["archive"][1].as_str().unwrap().contains("gzip"), "{fields:?}");
    assert_eq!(fields["dry_run"], json!(["is there more than once"]));
    assert_eq!(fields["page"], json!(["is not a query parameter of this request"]));
    assert_eq!(fields["visibility"], json!(["is `org\\n`; must be `org` or `community`"]));
}

#[tokio::test]
async fn a_flood_of_problems_is_cut_and_counted_and_words_are_short() {
    let backend = Backend::start().await;
    let names: Vec<String> = (0..60).map(|index| format!("part-{index:02}")).collect();
    let parts: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let answer = backend.upload(&parts).await;
    assert_eq!(answer.fields().as_object().unwrap().len(), 50);
    assert_eq!(answer.body["error"]["details"]["unlisted_problems"], 11);
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(message.ends_with(", and there are 11 more"), "{message}");

    let long = "é".repeat(100_000);
    let answer = backend.upload(&[("archive", b""), (&long, b""), ("visibility", long.as_bytes())]).await;
    assert!(answer.body.to_string().len() < 2_000, "{}", answer.body);
}
