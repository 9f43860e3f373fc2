//! Calls as frames on a connection that the client keeps.
//!
//! Only a whole call is made. A client that hangs up, sends a second call before the first is answered, or sends
//! something else loses the connection, and the call in flight ends.

use std::{io, sync::Arc};

use bytes::Bytes;
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout, timeout_at},
};

use super::{
    call, callers::Caller, connection::Connections, frames::Frames, functions, protocol,
    quick_ack::QuickAckStream, rejection::Rejection,
};
use adapter_contract::{TYPES, deadline};
use adapter_listening::Watcher;
use adapter_telemetry::traces::InScope as _;
use adapter_wire::{
    Call, Format, Hello, Kind, MAX_HELLO, PREFACE, answer_head, finish, mark_last, read_call,
};

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    /// The client has closed it, or the process stops.
    #[error("it is closed")]
    Closed,
    /// It cannot be used.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// What the client sent is not of the protocol.
    #[error("{0}")]
    Violation(&'static str),
    /// The client has been told why.
    #[error("{0}")]
    Rejected(Rejection),
}

impl Connections {
    /// Serves calls until either side closes the connection.
    pub(super) async fn serve_sockets(&self, stream: QuickAckStream, watcher: Watcher) {
        let mut session = Session {
            server: self,
            frames: Frames::new(stream),
        };
        match session.serve(&watcher).await {
            End::Closed => {}
            End::Rejected(rejection) => session.reject(&rejection).await,
            end => tracing::debug!("closing a connection of adapter-client: {end}"),
        }
    }
}

/// A connection, and what serves it.
struct Session<'s> {
    server: &'s Connections,
    frames: Frames<QuickAckStream>,
}

/// Who calls.
struct Client {
    caller: Arc<Caller>,
    /// Whether it is built from the same types, so that its calls may be binary.
    has_our_types: bool,
}

/// A call that was read, and its place among those in flight.
type Read<'c> = (Bytes, SemaphorePermit<'c>);

impl Session<'_> {
    async fn serve(&mut self, watcher: &Watcher) -> End {
        let identified = tokio::select! {
            identified = timeout(self.server.header_timeout, self.identify()) => identified,
            () = watcher.closing().cancelled() => return End::Closed,
        };
        let client = match identified {
            Ok(Ok(client)) => client,
            Ok(Err(end)) => return end,
            Err(_) => return End::Broken(io::ErrorKind::TimedOut.into()),
        };
        loop {
            if let Err(end) = self.serve_call(&client, watcher).await {
                return end;
            }
        }
    }

    /// Waits for a call and answers it.
    async fn serve_call(&mut self, client: &Client, watcher: &Watcher) -> Result<(), End> {
        let idle_timeout = self.server.settings.idle_timeout;
        let is_there = tokio::select! {
            // A call that is there already is answered.
            biased;
            is_there = timeout(idle_timeout, self.frames.wait()) => is_there.unwrap_or(Ok(false)),
            () = watcher.closing().cancelled() => Ok(false),
        };
        if !is_there? {
            return Err(End::Closed);
        }
        let mut answer = self.answer(client).await?;
        let is_last = self.server.draining.is_cancelled();
        if is_last {
            mark_last(&mut answer);
        }
        let written = self.frames.write(&answer, self.server.write_timeout).await;
        if is_last {
            return Err(End::Closed);
        }
        Ok(written?)
    }

    /// Says why no more calls are answered.
    async fn reject(&mut self, rejection: &Rejection) {
        let mut answer = rejection_frame(rejection);
        mark_last(&mut answer);
        let deadline = self.deadline();
        if self
            .frames
            .write(&answer, self.server.write_timeout)
            .await
            .is_ok()
        {
            // A call that is not much too large is read to its end.
            let limit = self.server.settings.max_body.saturating_mul(2);
            self.frames.close(limit, deadline).await;
        }
    }

    /// Reads who calls.
    async fn identify(&mut self) -> Result<Client, End> {
        let frames = &mut self.frames;
        if !frames.expect(&PREFACE).await? {
            return Err(End::Violation("it does not begin as it must"));
        }
        let length = frames.length().await?;
        if length > MAX_HELLO {
            return Err(End::Violation("who calls is too long"));
        }
        let hello = Hello::read(&frames.take(length).await?)
            .map_err(|_| End::Violation("it does not say who calls"))?;
        let caller = self.server.callers.find_by_token(hello.token.as_bytes());
        let caller = caller.ok_or_else(|| End::Rejected(call::rejected_stranger()))?;
        if let Err(rejection) = protocol::check(&hello.version) {
            call::rejected(&caller, "", &rejection);
            return Err(End::Rejected(rejection));
        }
        let has_our_types = hello.types == TYPES;
        Ok(Client {
            caller,
            has_our_types,
        })
    }

    /// Reads a call, and returns the frame of its answer.
    async fn answer(&mut self, client: &Client) -> Result<Vec<u8>, End> {
        let (caller, deadline) = (&client.caller, self.deadline());
        let Ok(read) = timeout_at(deadline, self.read(caller)).await else {
            return Err(rejected(caller, "", Rejection::Timeout));
        };
        let (frame, _permit) = match read? {
            Ok(read) => read,
            Err(rejection) => {
                call::rejected(caller, "", &rejection);
                return Ok(rejection_frame(&rejection));
            }
        };
        let Ok((head, arguments)) = read_call(&frame) else {
            let unreadable = Rejection::Unreadable("it names no function".to_owned());
            return Err(rejected(caller, "", unreadable));
        };
        if head.format == Format::Binary && !client.has_our_types {
            return Ok(answer_frame(Kind::OtherTypes, ""));
        }
        self.call(caller, &head, arguments, deadline).await
    }

    /// Reads the frame of a call, if the component may have another call in flight. Otherwise what it sends is
    /// dropped, because the memory for it would have no limit.
    async fn read<'c>(&mut self, caller: &'c Caller) -> Result<Result<Read<'c>, Rejection>, End> {
        let frames = &mut self.frames;
        let length = frames.length().await?;
        let limit = self.server.settings.max_body;
        if length > limit {
            return Err(rejected(caller, "", Rejection::TooLarge { limit }));
        }
        match call::enter(caller) {
            Ok(permit) => Ok(Ok((frames.take(length).await?, permit))),
            Err(rejection) => {
                frames.skip(length).await?;
                Ok(Err(rejection))
            }
        }
    }

    /// Makes the call. It ends when the client hangs up, or sends more than this call.
    async fn call(
        &mut self,
        caller: &Caller,
        head: &Call<'_>,
        arguments: &[u8],
        deadline: Instant,
    ) -> Result<Vec<u8>, End> {
        let scope = call::scope(caller, head);
        let limit = self.server.time_limit(head.time_left());
        let deadline = deadline.min(Instant::now() + limit);
        let answer = answer_head(Kind::Result);
        let adapter = &*caller.adapter;
        let call = functions::call(head.function, adapter, head.format, arguments, answer);
        let call = deadline::scope(Some(deadline.into_std()), call);
        let call = timeout_at(deadline, call).in_scope(scope.clone());
        let result = tokio::select! {
            result = call => result.unwrap_or(Err(Rejection::Timeout)),
            more = self.frames.wait() => return Err(match more? {
                true => End::Violation("it has more than one call in flight"),
                false => End::Closed,
            }),
        };
        let _within = scope.enter();
        Ok(match result.and_then(finished) {
            Ok(answer) => answer,
            Err(rejection) => {
                call::rejected(caller, head.function, &rejection);
                rejection_frame(&rejection)
            }
        })
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.server.settings.request_timeout
    }
}

/// Counts and logs the rejection. The connection ends with it.
fn rejected(caller: &Caller, function: &str, rejection: Rejection) -> End {
    call::rejected(caller, function, &rejection);
    End::Rejected(rejection)
}

fn finished(mut answer: Vec<u8>) -> Result<Vec<u8>, Rejection> {
    finish(&mut answer, 0).map_err(|error| Rejection::Unwritable(error.to_string()))?;
    Ok(answer)
}

fn rejection_frame(rejection: &Rejection) -> Vec<u8> {
    answer_frame(rejection.kind(), &rejection.text())
}

fn answer_frame(kind: Kind, text: &str) -> Vec<u8> {
    let mut answer = answer_head(kind);
    answer.extend_from_slice(text.as_bytes());
    // A sentence is shorter than 4 GiB.
    let _ = finish(&mut answer, 0);
    answer
}
