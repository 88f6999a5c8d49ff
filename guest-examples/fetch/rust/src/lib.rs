//! An activity that gets a page over HTTP and keeps it in a folder.
//!
//! It has only what the operator grants it: the page's host, a folder that it calls `/pages`, and the variable `API_TOKEN`, if the page asks
//! for one.

use std::{env, fs};

use serde::{Deserialize, Serialize};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, IncomingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

use sandglass::workflow::{failures, log};

bindings::activity!();

const BODY_BYTES_MAX: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Order {
    url: String,
    /// What the page is called in the folder.
    name: String,
}

#[derive(Serialize)]
struct Page {
    status: u16,
    bytes: usize,
}

struct Fetch;

impl Guest for Fetch {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let order: Order = decode(&input)?;
        let (status, body) = get(&order.url)?;
        if status >= 500 {
            // Tried again, as the retry policy says.
            return Err(failures::application(&format!("status {status}"), "ServerError", false));
        }
        let file = format!("/pages/{}", order.name);
        fs::write(&file, &body).map_err(|error| {
            failures::application(&format!("{file} cannot be written: {error}"), "NotKept", true)
        })?;
        log::info(&format!("kept {} bytes of {}", body.len(), order.url));
        Ok(encode(&Page { status, bytes: body.len() }))
    }
}
export!(Fetch);

fn get(url: &str) -> Result<(u16, Vec<u8>), Failure> {
    let request = request(url)?;
    let pending = outgoing_handler::handle(request, None).map_err(not_got)?;
    pending.subscribe().block();
    let answer = pending.get().expect("it is there").expect("nobody took it");
    let response = answer.map_err(not_got)?;
    let body = response.consume().expect("nobody took it");
    Ok((response.status(), read(body)?))
}

fn request(url: &str) -> Result<OutgoingRequest, Failure> {
    let bad = || failures::application(&format!("{url} is no address"), "BadUrl", true);
    let (scheme, rest) = url.split_once("://").ok_or_else(bad)?;
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return Err(bad()),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let headers = Fields::new();
    if let Ok(token) = env::var("API_TOKEN") {
        let value = format!("Bearer {token}").into_bytes();
        headers.append("authorization", &value).map_err(|_| bad())?;
    }
    let request = OutgoingRequest::new(headers);
    request.set_scheme(Some(&scheme)).map_err(|()| bad())?;
    request.set_authority(Some(authority)).map_err(|()| bad())?;
    request.set_path_with_query(Some(path)).map_err(|()| bad())?;
    Ok(request)
}

fn read(body: IncomingBody) -> Result<Vec<u8>, Failure> {
    let stream = body.stream().expect("nobody took it");
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(piece) => bytes.extend(piece),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(failures::application(&error.to_debug_string(), "NotGot", false));
            }
        }
        if bytes.len() > BODY_BYTES_MAX {
            return Err(failures::application("the page is too large", "TooLarge", true));
        }
    }
}

/// What is denied stays denied; anything else may go better the next time.
fn not_got(error: ErrorCode) -> Failure {
    let denied = matches!(error, ErrorCode::HttpRequestDenied);
    let error_type = if denied { "Denied" } else { "NotGot" };
    failures::application(&format!("the page cannot be had: {error:?}"), error_type, denied)
}
