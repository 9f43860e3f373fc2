//! A peer that answers as the test says, and remembers what it was asked.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What to answer.
#[derive(Clone)]
pub(crate) enum Reply {
    /// This status and body.
    Status(u16, String),
    /// Nothing, with the connection left open.
    Silence,
    /// 302 to somewhere else.
    Redirect,
}

/// What the peer was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// The peer; it answers from the script's beginning, and its last line for ever.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Vec<Reply>>,
}

impl Scripted {
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let peer = Self {
            url,
            asked: Arc::default(),
            script: Arc::new(script),
        };
        let serving = peer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let peer = serving.clone();
                let service = service_fn(move |request| {
                    let peer = peer.clone();
                    async move { Ok::<_, Infallible>(peer.answer(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        peer
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("asked").clone()
    }

    async fn answer(&self, request: http::Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let asked = Asked {
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).expect("text"),
        };
        let number = {
            let mut all = self.asked.lock().expect("asked");
            all.push(asked);
            all.len() - 1
        };
        let reply = self
            .script
            .get(number)
            .or(self.script.last())
            .expect("a script")
            .clone();
        let response = Response::builder();
        let response = match reply {
            Reply::Status(status, body) => response.status(status).body(Full::new(body.into())),
            Reply::Redirect => response
                .status(302)
                .header("location", "/elsewhere")
                .body(Full::default()),
            Reply::Silence => {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                response.body(Full::default())
            }
        };
        response.expect("a response")
    }
}
