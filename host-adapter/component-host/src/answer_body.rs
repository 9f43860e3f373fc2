//! The body of an answer. Its request counts until the client has taken it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

use super::work::Work;

/// A body that holds the work for its request until it is dropped.
pub(super) struct AnswerBody {
    body: WasiBody,
    _work: Work,
}

impl AnswerBody {
    pub(super) fn new(body: WasiBody, work: Work) -> Self {
        Self { body, _work: work }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
