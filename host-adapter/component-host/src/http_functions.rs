//! The functions of `spindle:adapter/http`: a request and its response cross into a component in one call each.
//!
//! Most of the time of a small request went into the calls to `wasi:http` that do the same piece by piece.

use adapter_contract::header_lines;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::uri::{Authority, PathAndQuery, Scheme};
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

/// `received-request` of the WIT.
#[derive(ComponentType, Lower, Lift)]
#[component(record)]
struct ReceivedRequest {
    method: String,
    #[component(name = "path-with-query")]
    path_with_query: String,
    headers: Vec<u8>,
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
    let is_whole = requests.is_whole(&mut store);
    let table = &mut store.data_mut().http().table;
    let path = table.get(&request)?.path_with_query.clone();
    let Some(path) = path.filter(|_| is_whole) else {
        return Ok(Err(request));
    };
    let mut request = table.delete(request)?;
    let headers = request.headers.iter();
    let lines = header_lines::write(headers.map(|(name, value)| (name.as_str(), value.as_bytes())));
    let method = request.method.as_str().to_owned();
    // Only a request to another server is turned into one of the `http` crate, so it must have a whole URI.
    request.scheme.get_or_insert(Scheme::HTTP);
    let nowhere = || Authority::from_static("localhost");
    request.authority.get_or_insert_with(nowhere);
    request.path_with_query = Some(PathAndQuery::from_static("/"));
    let (request, _) = request.into_http(&mut store, std::future::ready(Ok(())))?;
    let body = request.into_body().collect().now_or_never();
    // A component may pass a request that it has made.
    let body = body.and_then(Result::ok);
    let body =
        body.ok_or_else(|| wasmtime::format_err!("the request is not the one that arrived"))?;
    Ok(Ok(ReceivedRequest {
        method,
        path_with_query: path.as_str().to_owned(),
        headers: lines,
        body: body.to_bytes().into(),
    }))
}

fn respond(
    mut store: StoreContextMut<'_, State>,
    status: u16,
    headers: WasmList<u8>,
    body: WasmList<u8>,
) -> wasmtime::Result<Option<Resource<Response>>> {
    let requests = store.data().requests.clone();
    if headers.len() + body.len() > MAX_RESPONSE || !requests.begin_response(&mut store) {
        return Ok(None);
    }
    let mut response = http::Response::builder().status(status);
    for (name, value) in header_lines::read(headers.as_le_slice(&store)) {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::copy_from_slice(body.as_le_slice(&store)));
    let Ok(response) = response.body(body) else {
        return Ok(None);
    };
    let view = store.data_mut().http();
    let (response, _) = Response::from_http(view.hooks, response);
    Ok(Some(view.table.push(response)?))
}
