//! A component that attacks what is around it, as the tests ask. The first part of the path says how, and the
//! body with what:
//!
//! - `/sql` runs a statement, `/transact` runs the statement of each line in one transaction
//! - `/find/COLLECTION`, `/count/COLLECTION`, `/remove/COLLECTION` take a filter, `/insert/COLLECTION` takes a
//!   document, `/update/COLLECTION` takes an update of all documents
//! - `/subject/TOKEN` runs a statement for its subject, and `/store/TOKEN` takes a collection, a blank and a document
//! - `/call/PEER` and `/message/PEER` send to a path
//! - `/hash`, `/issue`, `/end`, `/verify`, `/open` and `/seal` take a text
//! - `/get` sends a request to a URL, `/connect` opens a connection to an address
//! - `/log` writes the body to standard error as it is
//! - `/allocate/N` takes N MiB of memory, `/loop` computes forever, `/sleep/N` makes N slow statements at once
//! - `/receive` has the host read the request, `/receive-own` another one, and `/respond/STATUS/LENGTH/COUNT` has it
//!   make responses, see `messages`
//! - `/search` looks for secrets, see `search`
//!
//! Each answer is what became of it, as Rust prints the result.

mod exhaust;
mod messages;
mod network;
mod reach;
mod search;

use std::io::Write as _;

use http_body_util::BodyExt as _;
use spin_sdk::http::{IntoResponse as _, Request};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::{ErrorCode, Response};

#[http_service]
async fn handle(request: Request) -> Result<Response, ErrorCode> {
    let path = request.uri().path().to_owned();
    let path = path.trim_start_matches("/hostile/");
    if path == "receive" {
        return messages::receive(request).into_response();
    }
    if let Some(arguments) = path.strip_prefix("respond/") {
        let response = messages::respond(arguments, request.headers());
        return response.map_or_else(|| "declined".into_response(), Ok);
    }
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Default::default(),
    };
    attempt(path, &body).await.into_response()
}

async fn attempt(path: &str, body: &[u8]) -> String {
    let (kind, name) = path.split_once('/').unwrap_or((path, ""));
    let number = name.parse().unwrap_or(0);
    let text = String::from_utf8_lossy(body).into_owned();
    match kind {
        "get" => network::get(&text).await,
        "connect" => network::connect(&text),
        "log" => format!("{:?}", std::io::stderr().write_all(body)),
        "allocate" => exhaust::allocate(number),
        "loop" => exhaust::compute_forever(),
        "sleep" => exhaust::sleep_at_once(number).await,
        "receive-own" => messages::receive_own(),
        "search" => search::search(&text).await,
        _ => reach::reach(kind, name, text).await,
    }
}
