//! The functions of `spindle:adapter/http`: a request and its response cross into a component in one call each.
//!
//! Most of the time of a small request went into the calls to `wasi:http` that do the same piece by piece.

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{
    HeaderMap,
    uri::{Authority, Scheme},
};
use http_body_util::{BodyExt as _, Full};
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, Lower, Resource, WasmList},
};
use wasmtime_wasi_http::{
    WasiHttpView as _,
    p3::{Request, Response},
};

use crate::state::State;

/// The largest response that the host keeps, in bytes, with its headers. Almost all are smaller. A larger one stays in
/// the instance's memory, which is limited, until the client takes it.
const MAX_RESPONSE: usize = 64 << 10;

/// A header's name and value.
type Header = (String, Vec<u8>);

/// `received-request` of the WIT.
#[derive(ComponentType, Lower, Lift)]
#[component(record)]
struct ReceivedRequest {
    method: String,
    #[component(name = "path-with-query")]
    path_with_query: String,
    headers: Vec<Header>,
    body: Vec<u8>,
}

/// Adds the interface to `linker`.
///
/// # Errors
///
/// The linker already has it.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let name = format!("spindle:adapter/http@{}", adapter_contract::VERSION);
    let mut interface = linker.instance(&name)?;
    interface.func_wrap("receive", |store, (request,)| {
        Ok((receive(store, request)?,))
    })?;
    interface.func_wrap("respond", |store, (status, headers, body)| {
        Ok((respond(store, status, headers, body)?,))
    })?;
    Ok(())
}

fn receive(
    mut store: StoreContextMut<'_, State>,
    request: Resource<Request>,
) -> wasmtime::Result<Result<ReceivedRequest, Resource<Request>>> {
    let requests = store.data().requests.clone();
    if !requests.is_whole(&mut store) {
        return Ok(Err(request));
    }
    let mut request = store.data_mut().http().table.delete(request)?;
    let path = request.path_with_query.clone();
    // Only a request to another server is turned into one of the `http` crate, so it must name a server.
    request.scheme.get_or_insert(Scheme::HTTP);
    request
        .authority
        .get_or_insert_with(|| Authority::from_static("localhost"));
    let (request, _) = request.into_http(&mut store, std::future::ready(Ok(())))?;
    let (head, body) = request.into_parts();
    let body = body.collect().now_or_never().and_then(Result::ok);
    // A component may pass a request that it has made.
    let body =
        body.ok_or_else(|| wasmtime::format_err!("the request is not the one that arrived"))?;
    Ok(Ok(ReceivedRequest {
        method: head.method.as_str().to_owned(),
        path_with_query: path.map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()),
        headers: list(&head.headers),
        body: body.to_bytes().into(),
    }))
}

fn list(headers: &HeaderMap) -> Vec<Header> {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    headers.iter().map(header).collect()
}

fn respond(
    mut store: StoreContextMut<'_, State>,
    status: u16,
    headers: Vec<Header>,
    body: WasmList<u8>,
) -> wasmtime::Result<Option<Resource<Response>>> {
    let headers_size = headers.iter().map(|(name, value)| name.len() + value.len());
    let requests = store.data().requests.clone();
    if headers_size.sum::<usize>() + body.len() > MAX_RESPONSE
        || !requests.begin_response(&mut store)
    {
        return Ok(None);
    }
    let body = Full::new(Bytes::copy_from_slice(body.as_le_slice(&store)));
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let Ok(response) = response.body(body) else {
        return Ok(None);
    };
    let view = store.data_mut().http();
    let (response, _) = Response::from_http(view.hooks, response);
    Ok(Some(view.table.push(response)?))
}
