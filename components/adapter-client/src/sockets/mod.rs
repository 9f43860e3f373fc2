//! Calls as frames on TCP connections that this instance keeps.
//!
//! A connection carries one call at a time, and is owned by that call. It goes back to the idle ones only after a
//! whole answer. In every other case, such as a call that is dropped halfway, the connection is dropped with the call,
//! so that no other call reads the rest of the answer.

mod connection;
mod deadline;
mod idle;

use std::net::SocketAddr;

use adapter_contract::{TYPES, VERSION};
use adapter_wire::{self as wire, Answer, Kind};

use crate::exchange::{Call, Reply};
use crate::failure::Failure;
use crate::settings::Settings;
use connection::{Connection, Trouble};

/// Makes a call at `address`.
pub(crate) async fn call(
    address: SocketAddr,
    settings: &Settings,
    call: &Call<'_>,
) -> Result<Reply, Failure> {
    let frame = wire::Call {
        function: call.function,
        request_id: &call.request.request_id,
        traceparent: &call.request.traceparent,
        milliseconds: call.time_left.map(wire::milliseconds),
        format: call.format,
    }
    .write(
        call.arguments,
        Vec::with_capacity(call.arguments.len() + 512),
    )
    .map_err(|error| Failure::TooLarge(error.to_string()))?;
    let exchange = exchange(address, settings, call.function, &frame);
    deadline::within(call.limit, exchange)
        .await
        .unwrap_or(Err(Failure::Timeout))
}

/// Sends the frame of a call, a second time if the first one broke and the call may be made again.
async fn exchange(
    address: SocketAddr,
    settings: &Settings,
    function: &str,
    frame: &[u8],
) -> Result<Reply, Failure> {
    let mut result = attempt(address, settings, frame).await;
    if matches!(result, Err(Trouble::Broken(_))) {
        // If the adapter has ended, the others are broken too.
        idle::close();
        if wire::is_repeatable(function) {
            result = attempt(address, settings, frame).await;
        }
    }
    result?
}

/// Sends the frame on an idle connection, or else on a new one.
async fn attempt(
    address: SocketAddr,
    settings: &Settings,
    frame: &[u8],
) -> Result<Result<Reply, Failure>, Trouble> {
    while let Some(connection) = idle::take() {
        match on_connection(connection, frame).await {
            // The adapter closed it while it was idle.
            Err(Trouble::NotSent) => {}
            result => return result,
        }
    }
    let hello = wire::Hello {
        version: VERSION.to_owned(),
        token: settings.token.clone(),
        types: TYPES,
    };
    on_connection(Connection::open(address, &hello).await?, frame).await
}

async fn on_connection(
    mut connection: Connection,
    frame: &[u8],
) -> Result<Result<Reply, Failure>, Trouble> {
    let answer = connection.exchange(frame).await?;
    let (result, is_last) = (read(answer), answer.is_last);
    if !is_last {
        idle::keep(connection);
    }
    Ok(result)
}

/// What the answer says.
fn read(answer: Answer<'_>) -> Result<Reply, Failure> {
    let reason = || {
        let text = String::from_utf8_lossy(answer.content);
        format!("the adapter rejected the call: {text}")
    };
    Err(match answer.kind {
        Kind::Result => return Ok(Reply::Result(answer.content.to_vec())),
        Kind::OtherTypes => return Ok(Reply::OtherTypes),
        Kind::UnknownCaller => Failure::unknown_caller(),
        Kind::Invalid => Failure::Invalid(reason()),
        Kind::TooLarge => Failure::TooLarge(reason()),
        Kind::Unavailable => Failure::Unavailable(reason()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: Kind, content: &[u8]) -> Failure {
        let is_last = false;
        read(Answer {
            kind,
            is_last,
            content,
        })
        .unwrap_err()
    }

    #[test]
    fn a_rejection_includes_the_text_of_the_adapter() {
        let busy = failure(Kind::Unavailable, b"too many calls at once");
        assert!(matches!(busy, Failure::Unavailable(text) if text.contains("too many calls")));
        let large = failure(Kind::TooLarge, b"");
        assert!(matches!(large, Failure::TooLarge(_)));
        let unreadable = failure(Kind::Invalid, b"expected a list");
        assert!(matches!(unreadable, Failure::Invalid(text) if text.contains("a list")));
        let unknown = failure(Kind::UnknownCaller, b"");
        assert!(matches!(unknown, Failure::Unavailable(text) if text.contains("adapter_token")));
    }
}
