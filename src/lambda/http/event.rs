use std::{convert::Infallible, future::ready, pin::Pin, sync::Arc};

use lambda_http::{
    Adapter, Body, IntoResponse, LambdaEvent, Service,
    http::{
        Response,
        header::{HOST, HeaderMap, HeaderName},
    },
    request::LambdaRequest,
};
use serde::Serialize;
use tower::ServiceExt;

use super::{Api, service};

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Returns the API as a Lambda function that handles events from an API Gateway HTTP API, a REST API or a Function URL.
///
/// `lambda_http` builds a URI from the client's host, protocol and query, and panics if the result is not a valid URI.
/// The service takes routes and queries from the event and does not use that URI. So the Lambda function removes `Host`
/// and `X-Forwarded-Proto` before `lambda_http` sees them. It also encodes the query of an event from an HTTP API or a
/// Function URL, because `lambda_http` encodes only the query of a REST API event.
pub fn function(
    api: Arc<Api>,
) -> impl Service<LambdaEvent<LambdaRequest>, Response: Serialize, Error = Infallible, Future: Send> {
    Adapter::from(service(api).map_response(Unconverted)).map_request(|mut event: LambdaEvent<LambdaRequest>| {
        match &mut event.payload {
            LambdaRequest::ApiGatewayV1(request) => {
                without_origin(&mut request.headers);
                without_origin(&mut request.multi_value_headers);
            }
            LambdaRequest::ApiGatewayV2(request) => {
                without_origin(&mut request.headers);
                request.raw_query_string = request.raw_query_string.take().map(encoded);
            }
            _ => {}
        }
        event
    })
}

/// A response that is sent as base64 if its body is bytes, and as text otherwise. By default, `lambda_http` decides by
/// the content type and sends all JSON as text.
struct Unconverted(Response<Body>);

impl IntoResponse for Unconverted {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}

fn without_origin(headers: &mut HeaderMap) {
    headers.remove(HOST);
    headers.remove(X_FORWARDED_PROTO);
}

/// Percent-encodes the characters that are not allowed in a query (RFC 3986, section 3.4), except for brackets, which
/// `lambda_http` accepts.
fn encoded(query: String) -> String {
    let mut encoded = String::with_capacity(query.len());
    for byte in query.bytes() {
        if byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
