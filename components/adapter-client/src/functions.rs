//! Implements every function of the contract as a call to the adapter.

use crate::bindings::exports::spindle::adapter::{
    context, dispatch, documents, envelopes, health, http, passwords, postgres, subject_documents,
    subject_queries, tokens,
};
use crate::exchange::exchange;
use crate::failure::FromFailure as _;
use crate::request;

/// The component, which exports all interfaces.
#[derive(Debug)]
pub struct Client;

macro_rules! calls {
    ($($interface:ident $qualified:literal {
        $($function:ident $name:literal $path:literal $span:literal
            ($($argument:ident: $type:ty),*) -> $result:ty;)*
    })*) => {$(
        impl $interface::Guest for Client {
            $(async fn $function($($argument: $type),*) -> $result {
                match exchange($path, &($($argument,)*)).await {
                    Ok(result) => result,
                    Err(failure) => <$result>::from_failure(failure),
                }
            })*
        }
    )*};
}
adapter_contract::functions!(calls);

impl context::Guest for Client {
    fn enter(request_id: String, traceparent: String) -> bool {
        request::enter(&request_id, &traceparent);
        true
    }

    fn set_time_left(milliseconds: u32) {
        request::set_time_left(milliseconds);
    }
}

/// The component reads its requests and makes its responses with `wasi:http`. This component could do it only in the
/// same way.
impl http::Guest for Client {
    fn receive(request: http::Request) -> Result<http::ReceivedRequest, http::Request> {
        Err(request)
    }

    fn respond(_: u16, _: Vec<u8>, _: Vec<u8>) -> Option<http::Response> {
        None
    }
}
