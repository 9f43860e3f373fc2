//! A load balancer for HTTP. As in `deploy/compose/haproxy.cfg`, it asks each adapter's `/ready` on
//! its management port, and sends requests only to those that are ready. It repeats no request.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;

use super::App;

/// Time between two checks of an adapter.
const INTERVAL: Duration = Duration::from_millis(500);

/// Failed checks after which an adapter gets no more requests.
const FALL: u32 = 2;

/// Time for one check. An adapter that takes longer is as ready as before: on a busy machine, both could be slow.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// An adapter.
#[derive(Clone)]
struct Backend {
    address: String,
    management: String,
    failures: u32,
}

#[derive(Clone)]
struct Shared {
    backends: Arc<Mutex<Vec<Backend>>>,
    turn: Arc<AtomicUsize>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Balances until the process ends.
pub(crate) struct Balancer {
    pub(crate) url: String,
    backends: Arc<Mutex<Vec<Backend>>>,
}

impl Balancer {
    pub(crate) fn start(apps: &[&App]) -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}", socket.local_addr().expect("address"));
        socket.set_nonblocking(true).expect("socket");
        let backends: Vec<_> = apps.iter().map(|app| Backend::of(app, 0)).collect();
        let backends = Arc::new(Mutex::new(backends));
        let shared = backends.clone();
        // It needs its own thread, because tests block theirs while they run other commands.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("runtime").block_on(async move {
                let mut client = Client::builder(TokioExecutor::new());
                let client = client.retry_canceled_requests(false).build_http();
                let shared = Shared {
                    backends: shared,
                    turn: Arc::default(),
                    client,
                };
                tokio::spawn(check(shared.backends.clone()));
                serve(socket, shared).await;
            });
        });
        Self { url, backends }
    }

    /// Puts another adapter into a place. It gets requests when it is ready.
    pub(crate) fn replace(&self, place: usize, app: &App) {
        self.backends.lock().expect("lock")[place] = Backend::of(app, FALL);
    }

    pub(crate) async fn wait_until_ready(&self, place: usize) {
        super::until("the adapter to be ready", async || {
            self.backends.lock().expect("lock")[place]
                .is_ready()
                .then_some(())
        })
        .await;
    }
}

impl Backend {
    fn of(app: &App, failures: u32) -> Self {
        let address = app.url("all routes").trim_start_matches("http://");
        Self {
            address: address.to_owned(),
            management: app.management(),
            failures,
        }
    }

    fn is_ready(&self) -> bool {
        self.failures < FALL
    }
}

/// Asks every adapter whether it is ready, again and again.
async fn check(backends: Arc<Mutex<Vec<Backend>>>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().timeout(CHECK_TIMEOUT);
    let client = client.build().expect("a client");
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let asked = backends.lock().expect("lock").clone();
        let checks = asked.iter().map(|backend| {
            let request = client.get(format!("{}/ready", backend.management));
            async move {
                match request.send().await {
                    Ok(answer) => Some(answer.status() == 200),
                    Err(error) => (!error.is_timeout()).then_some(false),
                }
            }
        });
        let found = futures_util::future::join_all(checks).await;
        let mut backends = backends.lock().expect("lock");
        for ((backend, asked), ready) in backends.iter_mut().zip(asked).zip(found) {
            // It may have been replaced meanwhile.
            if backend.management == asked.management
                && let Some(ready) = ready
            {
                backend.failures = if ready { 0 } else { backend.failures + 1 };
            }
        }
    }
}

async fn serve(socket: std::net::TcpListener, shared: Shared) {
    let socket = TcpListener::from_std(socket).expect("socket");
    while let Ok((stream, client)) = socket.accept().await {
        let shared = shared.clone();
        let service = service_fn(move |request| {
            let shared = shared.clone();
            async move { Ok::<_, Infallible>(shared.forward(request, client).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Shared {
    /// The next adapter that is ready.
    fn choose(&self) -> Option<String> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let backends = self.backends.lock().expect("lock");
        let ready: Vec<_> = backends.iter().filter(|one| one.is_ready()).collect();
        let chosen = ready.get(turn % ready.len().max(1))?;
        Some(chosen.address.clone())
    }

    async fn forward(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Response<Full<Bytes>> {
        let Some(address) = self.choose() else {
            return failed("no adapter is ready");
        };
        let (mut head, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            return failed("the client hung up");
        };
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = format!("http://{address}{path}")
            .parse::<Uri>()
            .expect("a URI");
        head.headers.remove(header::CONNECTION);
        let text = client.ip().to_string().parse().expect("an address");
        head.headers.insert("x-forwarded-for", text);
        let request = Request::from_parts(head, Full::new(body.to_bytes()));
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) => return failed(&format!("{address} did not answer: {error:?}")),
        };
        let (mut head, body) = answer.into_parts();
        // It is about the connection to the adapter.
        head.headers.remove(header::CONNECTION);
        match body.collect().await {
            Ok(body) => Response::from_parts(head, Full::new(body.to_bytes())),
            Err(error) => failed(&format!("{address} did not end its answer: {error:?}")),
        }
    }
}

fn failed(why: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(why.as_bytes())));
    *response.status_mut() = http::StatusCode::BAD_GATEWAY;
    response
}
