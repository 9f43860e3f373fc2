//! A connection of frames, as adapter-client uses it, byte by byte.

use adapter_contract::TYPES;
use adapter_wire::{self as wire, Call, Format, HEAD, Hello, Kind, PREFACE};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::sidecar::{StandaloneAdapter, VERSION};

/// The client's end.
pub(crate) struct FrameClient(pub(crate) TcpStream);

/// An answer of the adapter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FrameAnswer {
    pub(crate) kind: Kind,
    pub(crate) is_last: bool,
    pub(crate) content: Vec<u8>,
}

/// The frame of an answer.
pub(crate) fn answer(kind: Kind, is_last: bool, content: &[u8]) -> Vec<u8> {
    let mut frame = wire::answer_head(kind);
    frame.extend_from_slice(content);
    wire::finish(&mut frame, 0).expect("a frame");
    if is_last {
        wire::mark_last(&mut frame);
    }
    frame
}

/// The frame of a call, or of a part of its arguments.
pub(crate) fn call(function: &str, arguments: &impl Serialize) -> Vec<u8> {
    call_as(Format::Binary, function, arguments)
}

/// The frame of a call in this form.
pub(crate) fn call_as(format: Format, function: &str, arguments: &impl Serialize) -> Vec<u8> {
    let arguments = format.encode(arguments, vec![]).expect("arguments");
    let call = Call {
        function,
        request_id: "r1",
        traceparent: "",
        milliseconds: None,
        format,
    };
    call.write(&arguments, vec![]).expect("a frame")
}

impl FrameClient {
    /// A connection on which nothing is said yet.
    pub(crate) async fn connect(adapter: &StandaloneAdapter) -> Self {
        let (_, address) = adapter.url().split_once("://").expect("a scheme");
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    /// A connection of this component.
    pub(crate) async fn of(adapter: &StandaloneAdapter, component: &str) -> Self {
        let mut client = Self::connect(adapter).await;
        let token = &adapter.sidecar.tokens[component];
        client.hello(VERSION, token, TYPES).await;
        client
    }

    pub(crate) async fn hello(&mut self, version: &str, token: &str, types: u64) {
        let hello = Hello {
            version: version.to_owned(),
            token: token.to_owned(),
            types,
        };
        let hello = hello.write(PREFACE.to_vec()).expect("a frame");
        self.send(&hello).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("sent");
    }

    /// Makes a call and returns its result.
    pub(crate) async fn call<T: DeserializeOwned>(
        &mut self,
        function: &str,
        arguments: &impl Serialize,
    ) -> T {
        self.send(&call(function, arguments)).await;
        let answer = self.answer().await.expect("an answer");
        assert_eq!((answer.kind, answer.is_last), (Kind::Result, false));
        Format::Binary.decode(&answer.content).expect("a result")
    }

    /// The next answer, or `None` if the adapter has closed the connection. The test fails if it does not come
    /// in time.
    pub(crate) async fn answer(&mut self) -> Option<FrameAnswer> {
        tokio::time::timeout(super::TIMEOUT, self.read())
            .await
            .expect("an answer in time")
    }

    async fn read(&mut self) -> Option<FrameAnswer> {
        let mut head = [0; HEAD];
        self.0.read_exact(&mut head).await.ok()?;
        let mut frame = vec![0; u32::from_le_bytes(head) as usize];
        self.0.read_exact(&mut frame).await.ok()?;
        let answer = wire::read_answer(&frame).expect("an answer");
        Some(FrameAnswer {
            kind: answer.kind,
            is_last: answer.is_last,
            content: answer.content.to_vec(),
        })
    }
}
