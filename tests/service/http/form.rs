use serde_json::json;

use super::{
    event,
    test_api::{BOUNDARY, TestApi, form, upload},
};

const MISSING: &str = "is missing; send the pack as a .tar.gz in a part named `archive`";
const MALFORMED: &str = "is not valid multipart/form-data: ";
const NO_BOUNDARY: &str = "the Content-Type header has no valid boundary; let the HTTP client set the header";

#[tokio::test]
async fn other_content_types_are_unsupported() {
    const URLENCODED: &str = "is `application/x-www-form-urlencoded`; it must be `multipart/form-data`; send the archive \
                              as a file, with `--form archive=@pack.tar.gz` in curl or `files={\"archive\": file}` in \
                              Python's requests";
    let api = TestApi::start().await;
    for (content_type, problem) in [
        ("", "is missing; it must be `multipart/form-data`"),
        ("application/gzip", "is `application/gzip`; it must be `multipart/form-data`"),
        ("multipart/mixed; boundary=x", "is `multipart/mixed`; it must be `multipart/form-data`"),
        ("multipart/form-datum; boundary=x", "is `multipart/form-datum`; it must be `multipart/form-data`"),
        ("form-`data", "is `form-\\`data`; it must be `multipart/form-data`"),
        ("application/x-www-form-urlencoded", URLENCODED),
        (
            "Application/X-WWW-Form-Urlencoded; charset=utf-8",
            &URLENCODED.replace("application/x-www-f", "Application/X-WWW-F").replace("-u", "-U"),
        ),
    ] {
        let mut event = event("upload-http-api");
        event["headers"]["content-type"] = json!(content_type);
        let response = api.send(&event).await;
        assert_eq!(response.code(), (415, "unsupported_media_type"), "{content_type}");
        assert_eq!(response.body["error"]["message"], format!("the Content-Type header {problem}"));
    }
}

#[tokio::test]
async fn an_invalid_boundary_is_rejected() {
    let api = TestApi::start().await;
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
        assert_eq!(api.send(&event).await.fields(), &json!({"form": [NO_BOUNDARY]}), "{parameter}");
    }
    let mut event = event("upload-http-api");
    event["headers"]["content-type"] = json!(format!("Multipart/Form-Data; charset=utf-8; Boundary=\"{BOUNDARY}\""));
    assert_eq!(api.send(&event).await.status, 201);
}

#[tokio::test]
async fn a_truncated_or_malformed_form_is_rejected() {
    let api = TestApi::start().await;
    let complete = form(&[("visibility", b"org")]);
    let text = String::from_utf8(complete.clone()).unwrap();
    for (body, problem) in [
        (b"".to_vec(), "incomplete multipart stream"),
        (b"PK\x03\x04".to_vec(), "incomplete multipart stream"),
        (complete[..complete.len() - 6].to_vec(), "part `visibility` is truncated"),
        (complete[..60].to_vec(), "incomplete multipart stream"),
        (text.replace("\r\n", "\n").into_bytes(), "incomplete multipart stream"),
        (text.replace("Content-Disposition:", "Content Disposition:").into_bytes(), "failed to read headers"),
    ] {
        let response = api.send(&upload(&body)).await;
        let shown = String::from_utf8_lossy(&body);
        assert_eq!(response.fields(), &json!({"form": [format!("{MALFORMED}{problem}")]}), "{shown}");
    }
    let mut event = event("upload-http-api");
    event.as_object_mut().unwrap().remove("body");
    assert_eq!(api.send(&event).await.fields(), &json!({"form": [format!("{MALFORMED}incomplete multipart stream")]}));
}

#[tokio::test]
async fn every_missing_unknown_repeated_or_invalid_part_is_reported() {
    let api = TestApi::start().await;
    assert_eq!(api.upload(&[]).await.fields(), &json!({"archive": [MISSING]}));
    assert_eq!(
        api.upload(&[("visibility", b"private"), ("file", b"1"), ("visibility", b"org"), ("", b"2")]).await.fields(),
        &json!({
            "archive": [MISSING],
            "file": ["is not a part of this form; send `archive` or `upload_id`, and optionally `visibility`"],
            "form": ["has a part without a name"],
            "visibility": ["appears more than once; send it only once", "is `private`; must be `org` or `community`"],
        })
    );
    // Problems in the archive, the form and the query are reported together.
    let mut event = upload(&form(&[("archive", b"no gzip"), ("archive", b"no gzip"), ("visibility", b"org\n")]));
    event["rawQueryString"] = json!("dry_run=1&dry_run=2&page=3");
    let response = api.send(&event).await;
    let fields = response.fields().as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["archive", "dry_run", "page", "visibility"]);
    assert_eq!(fields["archive"][0], "appears more than once; send it only once");
    assert!(fields["archive"][1].as_str().unwrap().contains("gzip"), "{fields:?}");
    assert_eq!(fields["dry_run"], json!(["appears more than once; send it only once"]));
    assert_eq!(fields["page"], json!(["is not a query parameter of this request"]));
    assert_eq!(fields["visibility"], json!(["is `org\\n`; must be `org` or `community`"]));
}

#[tokio::test]
async fn only_fifty_problems_are_listed() {
    let api = TestApi::start().await;
    let names: Vec<String> = (0..60).map(|index| format!("part-{index:02}")).collect();
    let parts: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let response = api.upload(&parts).await;
    assert_eq!(response.fields().as_object().unwrap().len(), 50);
    assert_eq!(response.body["error"]["details"]["unlisted_problems"], 11);
    let message = response.body["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("; 11 more are not listed"), "{message}");
}

#[tokio::test]
async fn long_quoted_text_is_shortened() {
    let api = TestApi::start().await;
    let long = "é".repeat(100_000);
    let response = api.upload(&[("archive", b""), (&long, b""), ("visibility", long.as_bytes())]).await;
    assert!(response.body.to_string().len() < 2_000, "{}", response.body);
}

#[tokio::test]
async fn names_in_a_malformed_form_are_escaped_and_shortened() {
    let api = TestApi::start().await;
    let mut body = form(&[(&format!("a\u{202e}{}", "b".repeat(1_000)), b"")]);
    body.truncate(body.len() - 6);
    let problem = format!("{MALFORMED}part `a\\u{{202e}}{}…` is truncated", "b".repeat(98));
    assert_eq!(api.send(&upload(&body)).await.fields(), &json!({"form": [problem]}));

    // multer's error message contains the header's name, so the message is shortened.
    let header = format!("{}: x\r\nContent-Disposition:", "h".repeat(70_000));
    let body = String::from_utf8(form(&[("visibility", b"org")])).unwrap().replace("Content-Disposition:", &header);
    let response = api.send(&upload(body.as_bytes())).await;
    let problem = response.fields()["form"][0].as_str().unwrap();
    assert!(problem.starts_with(MALFORMED) && problem.chars().count() == MALFORMED.len() + 101, "{problem}");
}

#[tokio::test]
async fn part_names_and_query_parameters_are_escaped_in_fields() {
    let api = TestApi::start().await;
    let mut event =
        upload(&form(&[("archive", b"no gzip"), ("a\u{202e}b", b""), ("visibility", "o\u{202e}rg".as_bytes())]));
    event["rawQueryString"] = json!("c%E2%80%AEd=1");
    let answer = api.send(&event).await;
    let fields = answer.fields().as_object().unwrap();
    let escaped = ["a\\u{202e}b", "archive", "c\\u{202e}d", "visibility"];
    assert_eq!(fields.keys().collect::<Vec<_>>(), escaped);
    assert_eq!(fields["visibility"], json!(["is `o\\u{202e}rg`; must be `org` or `community`"]));
}
