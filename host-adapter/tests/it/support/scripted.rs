//! A peer that answers from a script, and records the requests that it receives.

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

/// An answer in a script.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A response with this status and body.
    Status(u16, String),
    /// No response, while the connection stays open.
    Silence,
    /// A 302 redirect to another path.
    Redirect,
    /// A status and a body that depend on the request.
    Computed(Arc<Compute>),
}

/// See [`Reply::Computed`].
pub(crate) type Compute = dyn Fn(&ReceivedRequest) -> (u16, String) + Send + Sync;

/// A request that the peer received.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// The peer. It gives the answers of the script in order, and then repeats the last one.
#[derive(Clone)]
pub(crate) struct ScriptedPeer {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    script: Arc<Vec<Reply>>,
}

impl ScriptedPeer {
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let peer = Self {
            url,
            requests: Arc::default(),
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

    pub(crate) fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().expect("lock").clone()
    }

    async fn answer(&self, request: http::Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let request = ReceivedRequest {
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).expect("text"),
        };
        let number = {
            let mut all = self.requests.lock().expect("lock");
            all.push(request.clone());
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
            Reply::Computed(compute) => {
                let (status, body) = compute(&request);
                response.status(status).body(Full::new(body.into()))
            }
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
