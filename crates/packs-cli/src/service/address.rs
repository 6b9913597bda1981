use super::ServiceError;

/// Returns the URL of the service without a slash at its end.
pub(super) fn url(url: Option<String>, slug: Option<String>) -> Result<String, ServiceError> {
    match (url, slug) {
        (Some(url), _) if url.starts_with("https://") || url.starts_with("http://") => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        (Some(_), _) => Err(ServiceError::InvalidUrl),
        (None, Some(slug)) if slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            Ok(format!("https://{slug}.evershell.ai"))
        }
        (None, Some(_)) => Err(ServiceError::InvalidSlug),
        (None, None) => Err(ServiceError::NoAddress),
    }
}
