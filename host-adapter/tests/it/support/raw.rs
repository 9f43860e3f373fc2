//! A connection without an HTTP client, for what such a client does not send.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use super::{App, TIMEOUT};

pub(crate) fn connect(app: &App) -> TcpStream {
    let address = app.url("all routes").trim_start_matches("http://");
    let stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(TIMEOUT)).expect("timeout");
    stream.set_write_timeout(Some(TIMEOUT)).expect("timeout");
    stream
}

/// Sends `text`, and returns the answer.
pub(crate) async fn exchange(mut stream: TcpStream, text: Vec<u8>) -> String {
    let exchange = move || {
        stream.write_all(&text).expect("sent");
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            read => drop(read.expect("an answer")),
        }
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::task::spawn_blocking(exchange).await.expect("join")
}
