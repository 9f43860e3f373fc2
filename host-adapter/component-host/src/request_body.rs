//! The body of a request on its way to a component.
//!
//! The host receives the beginning of a body before a component gets the request. Most bodies are complete
//! then, so a client that sends slowly holds a connection, and neither an instance nor a request in flight.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};
use wasmtime_wasi_http::Error;

use adapter_listening::Pace;

/// What is received of a body before a component gets the request, in bytes. It is more than almost every
/// body of the services has, and all connections together take 64 MiB at worst.
const RECEIVED_FIRST: usize = 64 << 10;

/// What is read and dropped of a body that no one has read, in bytes and in time. A client that sends its
/// whole body before it reads would see a broken connection instead of the answer, which is why.
const MAX_DRAINED: usize = 16 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// How long a component that has answered may take to close the body.
const CLOSING_TIME: Duration = Duration::from_millis(50);

/// A body of which the beginning is received.
pub(super) struct RequestBody {
    /// In one piece: a client may send single bytes.
    received: BytesMut,
    /// What came after that and is not data: trailers, or an error.
    end: Option<Result<Frame<Bytes>, Error>>,
    incoming: Option<Incoming>,
    pace: Pace,
    /// Takes what was not read when the component closes the body.
    rest: Option<oneshot::Sender<Incoming>>,
}

/// What a component leaves of a body.
pub(super) struct Rest(Option<oneshot::Receiver<Incoming>>);

/// The client sends too slowly.
#[derive(Debug)]
pub(super) struct TooSlow;

impl RequestBody {
    /// Receives the beginning of a body. A client that waits for `100 Continue` sends nothing before the
    /// component reads, so nothing is received then if it `expects` that.
    pub(super) async fn receive(
        incoming: Incoming,
        pace: Pace,
        expects: bool,
    ) -> Result<(Self, Rest), TooSlow> {
        let mut body = Self {
            received: BytesMut::new(),
            end: None,
            incoming: Some(incoming).filter(|body| !body.is_end_stream()),
            pace,
            rest: None,
        };
        if expects {
            // A client that was not asked for its body has nothing to be drained.
            return Ok((body, Rest(None)));
        }
        while body.incoming.is_some() && body.end.is_none() && body.received.len() < RECEIVED_FIRST
        {
            match poll_fn(|context| body.poll_incoming(context)).await {
                Some(Err(Error::ConnectionReadTimeout)) => return Err(TooSlow),
                Some(frame) => body.keep(frame),
                None => {}
            }
        }
        let rest = body.incoming.is_some().then(|| {
            let (sender, rest) = oneshot::channel();
            body.rest = Some(sender);
            rest
        });
        Ok((body, Rest(rest)))
    }

    /// Whether the body is received to its end, is not longer than what is received first, and has no trailers.
    pub(super) fn is_whole(&self) -> bool {
        let ended = self.incoming.as_ref().is_none_or(Body::is_end_stream);
        ended && self.end.is_none() && self.received.len() <= RECEIVED_FIRST
    }

    fn keep(&mut self, frame: Result<Frame<Bytes>, Error>) {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => self.received.extend_from_slice(&data),
            Ok(Err(trailers)) => self.end = Some(Ok(trailers)),
            Err(error) => self.end = Some(Err(error)),
        }
    }

    fn poll_incoming(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.pace.moved(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.incoming = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                self.incoming = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(self.pace.poll_used_up(context));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if !self.received.is_empty() {
            let data = self.received.split().freeze();
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.end.take() {
            Some(end) => Poll::Ready(Some(end)),
            None => self.poll_incoming(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        let ended = |body: &Incoming| body.is_end_stream();
        let rest = self.incoming.as_ref();
        self.received.is_empty() && self.end.is_none() && rest.is_none_or(ended)
    }

    fn size_hint(&self) -> SizeHint {
        let received = u64::try_from(self.received.len()).unwrap_or(u64::MAX);
        let mut size = self
            .incoming
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        if let Some(upper) = size.upper() {
            size.set_upper(upper.saturating_add(received));
        }
        size.set_lower(size.lower().saturating_add(received));
        size
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take().filter(|body| !body.is_end_stream())
            && let Some(rest) = self.rest.take()
        {
            // It is not waited for if the client has gone away.
            drop(rest.send(incoming));
        }
    }
}

impl Rest {
    /// Reads and drops what the component has not read, before its answer is sent.
    pub(super) async fn drain(self) {
        let Some(rest) = self.0 else { return };
        let Ok(Ok(mut incoming)) = timeout(CLOSING_TIME, rest).await else {
            return;
        };
        let mut bytes = 0;
        let drain = async {
            while bytes < MAX_DRAINED
                && let Some(Ok(frame)) = incoming.frame().await
            {
                bytes += frame.data_ref().map_or(0, Bytes::len);
            }
        };
        tokio::select! {
            () = drain => {}
            () = sleep(DRAIN_TIME) => {}
        }
    }
}
