//! A TCP connection to the adapter, of `wasi:sockets@0.3.0`.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use adapter_wire::{Answer, HEAD, Hello, MAX_ANSWER, PREFACE, read_answer};
use spin_sdk::wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
};
use spin_sdk::wasip3::wit_stream;
use spin_sdk::wit_bindgen::rt::async_support::{
    FutureReader, StreamReader, StreamResult, StreamWriter,
};

use crate::failure::Failure;

/// What is read at once, in bytes: more than most answers have.
const READ: usize = 4 << 10;

/// The largest buffer that an idle connection keeps, in bytes.
const MAX_KEPT_BUFFER: usize = 64 << 10;

/// How soon the system finds that the adapter's machine is gone, in nanoseconds: how long it waits for a sign of
/// life, the pause between the questions for one, and how many it asks.
const KEEP_ALIVE_IDLE: u64 = 5_000_000_000;
const KEEP_ALIVE_INTERVAL: u64 = 2_000_000_000;
const KEEP_ALIVE_COUNT: u32 = 2;

/// The record of a TLS alert: type, first half of the version, and in all the head and two bytes (RFC 8446,
/// sections 5.1 and 6).
const TLS_ALERT: &[u8] = &[21, 3];
const TLS_ALERT_LENGTH: usize = 7;

/// Why a connection has no answer. It is of no use any more.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nothing of the call was sent, because the adapter has closed the connection. The call can be sent on
    /// another one.
    NotSent,
    /// The call may have been made.
    Broken(String),
    /// The call is not to be sent again.
    Failed(Failure),
}

/// A connection, and the buffers that its calls share.
pub(super) struct Connection {
    writer: StreamWriter<u8>,
    reader: StreamReader<u8>,
    /// Why the reader has ended. It is asked only then.
    ended: Option<FutureReader<Result<(), ErrorCode>>>,
    _sent: FutureReader<Result<(), ErrorCode>>,
    /// Holds the host's permit for a connection. The streams would live without it.
    _socket: TcpSocket,
    /// What is read and not used yet.
    input: Vec<u8>,
    /// What is to be written before the next call, and the buffer for it.
    output: Vec<u8>,
    /// The length of the answer at the beginning of `input`.
    answered: usize,
}

impl Connection {
    /// Connects. `hello` is sent together with the first call.
    pub(super) async fn open(address: SocketAddr, hello: &Hello) -> Result<Self, Trouble> {
        let output = hello.write(PREFACE.to_vec()).map_err(|_| {
            Trouble::Failed(Failure::Unavailable(
                "`adapter_token` is too long".to_owned(),
            ))
        })?;
        let socket = connect(address).await.map_err(|error| {
            Trouble::Failed(Failure::Unavailable(format!(
                "the adapter cannot be reached at `tcp://{address}`: {error}"
            )))
        })?;
        let (writer, outgoing) = wit_stream::new::<u8>();
        let sent = socket.send(outgoing);
        let (reader, ended) = socket.receive();
        Ok(Self {
            writer,
            reader,
            ended: Some(ended),
            _sent: sent,
            _socket: socket,
            input: Vec::with_capacity(READ),
            output,
            answered: 0,
        })
    }

    /// Sends the frame of a call and returns the answer.
    pub(super) async fn exchange(&mut self, frame: &[u8]) -> Result<Answer<'_>, Trouble> {
        self.forget_answer();
        self.send(frame).await?;
        self.receive().await?;
        let answer = self.input.get(HEAD..self.answered).and_then(read_answer);
        answer.ok_or_else(|| {
            Trouble::Broken("the adapter's answer is not of this protocol".to_owned())
        })
    }

    /// Whether the adapter has said no more than the answer. Otherwise the next answer could be another call's.
    pub(super) fn is_clean(&self) -> bool {
        self.input.len() == self.answered
    }

    fn forget_answer(&mut self) {
        self.input.drain(..self.answered);
        self.answered = 0;
        self.input.shrink_to(MAX_KEPT_BUFFER);
        self.output.shrink_to(MAX_KEPT_BUFFER);
    }

    /// Begins to read before it writes. If there is something to read at once, it is the end, because the adapter
    /// speaks only when it is asked. Then nothing was sent.
    async fn send(&mut self, frame: &[u8]) -> Result<(), Trouble> {
        let mut output = std::mem::take(&mut self.output);
        // One write: with two, the second one would wait 40 ms for the acknowledgement of the first.
        output.extend_from_slice(frame);
        let (written, result) = {
            self.input.reserve(READ);
            let mut read = pin!(self.reader.read(std::mem::take(&mut self.input)));
            if poll_fn(|context| Poll::Ready(read.as_mut().poll(context).is_ready())).await {
                return Err(Trouble::NotSent);
            }
            let rest = self.writer.write_all(output).await;
            // Also after a write that failed: the adapter may have said why.
            let (result, input) = read.await;
            self.input = input;
            (rest.is_empty().then_some(rest), result)
        };
        if let Some(buffer) = written {
            self.output = buffer;
        }
        match result {
            StreamResult::Complete(_) => Ok(()),
            StreamResult::Dropped | StreamResult::Cancelled => Err(self.broken().await),
        }
    }

    /// Reads the rest of the answer.
    async fn receive(&mut self) -> Result<(), Trouble> {
        loop {
            let wanted = match self.input.first_chunk::<HEAD>() {
                None => HEAD,
                Some(head) => HEAD + length(*head)?,
            };
            let missing = wanted.saturating_sub(self.input.len());
            if missing == 0 && wanted > HEAD {
                self.answered = wanted;
                return Ok(());
            }
            // A read without room would only wait until there is something.
            self.input.reserve(missing.max(READ));
            let (result, input) = self.reader.read(std::mem::take(&mut self.input)).await;
            self.input = input;
            if !matches!(result, StreamResult::Complete(_)) {
                return Err(self.broken().await);
            }
        }
    }

    async fn broken(&mut self) -> Trouble {
        if is_tls_alert(&self.input) {
            let reason = "the adapter uses TLS: set `adapter_url` to `https://` with its name";
            return Trouble::Failed(Failure::Unavailable(reason.to_owned()));
        }
        let reason = match self.ended.take() {
            Some(ended) => ended.await.err(),
            None => None,
        };
        Trouble::Broken(match reason {
            Some(error) => format!("the connection to the adapter broke: {error}"),
            None => "the adapter closed the connection before it had answered".to_owned(),
        })
    }
}

/// Whether this is all that a TLS server says to a client that does not begin with a handshake.
fn is_tls_alert(input: &[u8]) -> bool {
    input.len() == TLS_ALERT_LENGTH && input.starts_with(TLS_ALERT)
}

/// The length of an answer. An empty one has no kind.
fn length(head: [u8; HEAD]) -> Result<usize, Trouble> {
    // As a length, it would be more than a gigabyte.
    if head == *b"HTTP" {
        return Err(Trouble::Failed(Failure::Unavailable(
            "the adapter understands HTTP only: upgrade host-adapter, or set `adapter_url` to `http://` with the \
             same address"
                .to_owned(),
        )));
    }
    match u32::from_le_bytes(head) as usize {
        0 => Err(Trouble::Broken("the adapter's answer is empty".to_owned())),
        length if length > MAX_ANSWER => Err(Trouble::Failed(Failure::answer_too_large())),
        length => Ok(length),
    }
}

async fn connect(address: SocketAddr) -> Result<TcpSocket, ErrorCode> {
    let (family, address) = match address {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets();
            let port = address.port();
            let address = Ipv4SocketAddress {
                port,
                address: (a, b, c, d),
            };
            (IpAddressFamily::Ipv4, IpSocketAddress::Ipv4(address))
        }
        SocketAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.ip().segments();
            let address = Ipv6SocketAddress {
                port: address.port(),
                flow_info: address.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: address.scope_id(),
            };
            (IpAddressFamily::Ipv6, IpSocketAddress::Ipv6(address))
        }
    };
    let socket = TcpSocket::create(family)?;
    socket.set_keep_alive_enabled(true)?;
    socket.set_keep_alive_idle_time(KEEP_ALIVE_IDLE)?;
    socket.set_keep_alive_interval(KEEP_ALIVE_INTERVAL)?;
    socket.set_keep_alive_count(KEEP_ALIVE_COUNT)?;
    socket.connect(address).await?;
    Ok(socket)
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            // This was a new connection: the adapter accepts no calls at present.
            Trouble::NotSent => Self::Unavailable("the adapter closed the connection".to_owned()),
            Trouble::Broken(reason) => Self::Unavailable(reason),
            Trouble::Failed(failure) => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(head: [u8; HEAD]) -> String {
        match length(head).unwrap_err() {
            Trouble::Failed(Failure::Unavailable(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_adapter_with_another_protocol_is_recognized() {
        assert!(text(*b"HTTP").contains("upgrade host-adapter"));
        assert!(is_tls_alert(&[21, 3, 3, 0, 2, 2, 10]));
        assert!(!is_tls_alert(&[21, 3, 3, 0, 2, 2, 10, 0]));
        assert!(!is_tls_alert(&[7, 0, 0, 0, 0, 1, 1]));
    }

    #[test]
    fn an_answer_has_a_kind_and_a_limit() {
        let head = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
        assert_eq!(length(head(MAX_ANSWER)).unwrap(), MAX_ANSWER);
        assert!(matches!(length(head(0)), Err(Trouble::Broken(_))));
        let large = length(head(MAX_ANSWER + 1));
        assert!(matches!(large, Err(Trouble::Failed(Failure::TooLarge(_)))));
    }
}
