//! Leaves the adapter aside.

use std::net::{SocketAddr, TcpStream};

use bytes::Bytes;
use spin_sdk::http::FullBody;

pub(crate) async fn get(url: &str) -> String {
    let request = http::Request::get(url.trim()).body(FullBody::new(Bytes::new()));
    let Ok(request) = request else {
        return "not a URL".to_owned();
    };
    match spin_sdk::http::send(request).await {
        Ok(response) => format!("Ok({})", response.status()),
        Err(error) => format!("Err({error:?})"),
    }
}

pub(crate) fn connect(address: &str) -> String {
    let Ok(address) = address.trim().parse::<SocketAddr>() else {
        return "not an address".to_owned();
    };
    format!("{:?}", TcpStream::connect(address).map(|_| ()))
}
