//! The capability `dispatch`: retries, limits and trusted answers.

use adapter_capabilities::{
    Capabilities,
    dispatch::{Error, Request, Response},
};
use serde_json::json;

use crate::support::{
    capabilities::Granted,
    peer::Peer,
    scripted::{ReceivedRequest, Reply, ScriptedPeer},
};

/// Calls may take long, because the test and its peer share a thread of a busy machine.
const SETTINGS: &str = "[components.a]\npeers = [\"b\"]\nenvelopes = [\"b\"]\n[components.b]\n\
    [host]\nrequest_timeout = \"55s\"\n[server]\nrequest_timeout = \"50s\"\n\
    [dispatch]\ntimeout = \"30s\"\nbackoff_base = \"1ms\"\nbackoff_cap = \"10ms\"\nmax_body = \"64KiB\"\n";

struct Test {
    granted: Granted,
    a: Capabilities,
}

impl Test {
    async fn new(peer: &str) -> Self {
        let granted = Granted::new(SETTINGS).await;
        granted
            .assembly
            .peers
            .set("b", peer.parse().expect("a URL"));
        let a = granted.capabilities_of("a");
        Self { granted, a }
    }

    async fn call(&self, request: Request) -> Result<Response, Error> {
        self.a.dispatch().call(request).await
    }
}

fn status(status: u16) -> Reply {
    Reply::Status(status, format!("status {status}"))
}

fn request(method: &str) -> Request {
    Request {
        peer: "b".into(),
        method: method.into(),
        path: "/x?q=1".into(),
        ..Default::default()
    }
}

fn post(key: Option<&str>) -> Request {
    let key = key.map(str::to_owned);
    Request {
        body: Some("{}".into()),
        idempotency_key: key,
        ..request("POST")
    }
}

#[tokio::test]
async fn an_answer_is_returned_unchanged() {
    for code in [200, 201, 404, 409, 429, 500] {
        let peer = ScriptedPeer::start(vec![status(code)]).await;
        let answer = Test::new(&peer.url)
            .await
            .call(request("GET"))
            .await
            .expect("an answer");
        assert_eq!(
            answer,
            Response {
                status: code,
                body: format!("status {code}")
            }
        );
        assert_eq!(peer.requests().len(), 1, "status {code} was retried");
    }
}

#[tokio::test]
async fn a_request_is_repeated_unchanged_after_502_or_503() {
    let peer = ScriptedPeer::start(vec![status(503), status(502), status(200)]).await;
    let test = Test::new(&peer.url).await;
    let answer = test
        .call(Request {
            request_id: Some("r-1".into()),
            ..request("GET")
        })
        .await;
    assert_eq!(answer.expect("an answer").status, 200);
    let requests = peer.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|request| request.method == "GET" && request.path == "/x?q=1"),
        "{requests:?}"
    );
    assert!(
        requests
            .iter()
            .all(|request| request.headers["x-request-id"] == "r-1"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn a_call_has_at_most_three_attempts() {
    let peer = ScriptedPeer::start(vec![status(503)]).await;
    let result = Test::new(&peer.url).await.call(request("GET")).await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    assert_eq!(peer.requests().len(), 3);
}

#[tokio::test]
async fn a_call_that_was_sent_is_retried_only_with_a_key() {
    let peer = ScriptedPeer::start(vec![status(503)]).await;
    let test = Test::new(&peer.url).await;
    assert!(matches!(
        test.call(post(None)).await,
        Err(Error::Unavailable(_))
    ));
    assert_eq!(peer.requests().len(), 1);
    assert!(matches!(
        test.call(post(Some("k-1"))).await,
        Err(Error::Unavailable(_))
    ));
    let requests = peer.requests();
    assert_eq!(requests.len(), 4);
    assert!(
        requests[1..]
            .iter()
            .all(|request| request.headers["idempotency-key"] == "k-1"),
        "{requests:?}"
    );

    let silent = ScriptedPeer::start(vec![Reply::Silence]).await;
    let test = Test::new(&silent.url).await;
    let within = |milliseconds, request| Request {
        deadline_milliseconds: Some(milliseconds),
        ..request
    };
    let once = test.call(within(2_000, post(None))).await;
    assert_eq!(once, Err(Error::Timeout));
    assert_eq!(silent.requests().len(), 1);
    // The further attempts have 90 ms each, which may be over on a busy machine before they are sent. Three calls do
    // not open the breaker.
    let mut calls = 0;
    while silent.requests().len() <= 1 + calls && calls < 3 {
        calls += 1;
        let repeated = test.call(within(900, request("GET"))).await;
        assert_eq!(repeated, Err(Error::Timeout));
    }
    assert!(
        silent.requests().len() > 1 + calls,
        "a hanging attempt took all the time"
    );
}

#[tokio::test]
async fn a_call_that_was_not_sent_is_always_retried() {
    let peer = Peer::reserve();
    let target = ScriptedPeer::start(vec![status(200)]).await;
    let test = Test::new(&peer.url()).await;
    assert!(matches!(
        test.call(post(None)).await,
        Err(Error::Unavailable(_))
    ));
    let _peer = peer.forward_to(&target.url);
    assert_eq!(test.call(post(None)).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn redirects_are_returned_and_not_followed() {
    let peer = ScriptedPeer::start(vec![Reply::Redirect]).await;
    let answer = Test::new(&peer.url)
        .await
        .call(request("GET"))
        .await
        .expect("an answer");
    assert_eq!(answer.status, 302);
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn bodies_above_the_limit_are_rejected_both_ways() {
    let peer = ScriptedPeer::start(vec![Reply::Status(200, "x".repeat(200_000))]).await;
    let test = Test::new(&peer.url).await;
    assert!(matches!(
        test.call(request("GET")).await,
        Err(Error::TooLarge(_))
    ));
    let body = Some("x".repeat(65_537));
    let result = test.call(Request { body, ..post(None) }).await;
    assert!(matches!(result, Err(Error::TooLarge(_))), "{result:?}");
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn invalid_calls_are_rejected() {
    let test = Test::new("http://127.0.0.1:1").await;
    for wrong in [
        request("TRACE"),
        Request {
            path: "x".into(),
            ..request("GET")
        },
        Request {
            path: "//x".into(),
            sealed: true,
            ..request("GET")
        },
        Request {
            idempotency_key: Some("a b".into()),
            ..request("GET")
        },
        Request {
            idempotency_key: Some("x".repeat(201)),
            ..request("GET")
        },
        Request {
            request_id: Some("a\r\nhost: b".into()),
            ..request("GET")
        },
    ] {
        assert!(
            matches!(test.call(wrong.clone()).await, Err(Error::Invalid(_))),
            "{wrong:?}"
        );
    }
    let stranger = Request {
        peer: "c".into(),
        ..request("GET")
    };
    assert!(matches!(test.call(stranger).await, Err(Error::Denied(_))));
}

#[tokio::test]
async fn a_path_cannot_lead_to_another_host() {
    let peer = ScriptedPeer::start(vec![status(200)]).await;
    let test = Test::new(&peer.url).await;
    for path in [
        "//127.0.0.2:1/x",
        "/@127.0.0.2:1/",
        "/../../x",
        "/\\127.0.0.2",
    ] {
        let answer = test
            .call(Request {
                path: path.into(),
                ..request("GET")
            })
            .await;
        assert_eq!(answer.map(|answer| answer.status), Ok(200), "{path}");
    }
    assert_eq!(peer.requests().len(), 4);
}

#[tokio::test]
async fn only_a_sealed_answer_to_this_call_is_accepted() {
    use adapter_capabilities::vault::{Purpose, SealRequest};
    let sealed = Request {
        sealed: true,
        ..post(None)
    };

    let plain = ScriptedPeer::start(vec![Reply::Status(200, "{\"ok\": true}".into())]).await;
    let test = Test::new(&plain.url).await;
    assert_eq!(test.call(sealed.clone()).await, Err(Error::Untrusted));
    let sent = plain.requests().remove(0);
    assert_eq!(sent.headers["x-service-communication"], "encrypted");
    assert!(
        sent.body.starts_with("{\"encrypted_data\":\"ey"),
        "{sent:?}"
    );

    // The right peer sealed this answer for the right caller, but in reply to another request.
    let other = SealRequest {
        issuer: "b",
        audience: "a",
        method: "POST",
        path: "/x",
        purpose: Purpose::Response {
            in_reply_to: Some("another"),
        },
    };
    let envelopes = test
        .granted
        .capabilities_of("a")
        .envelopes()
        .map(|granted| granted.envelopes.clone());
    let envelope = envelopes
        .unwrap_or_else(|denied| panic!("{denied}"))
        .seal("{}", other);
    let body = json!({ "encrypted_data": envelope.expect("sealed").envelope }).to_string();
    let replayed = ScriptedPeer::start(vec![Reply::Status(200, body)]).await;
    test.granted
        .assembly
        .peers
        .set("b", replayed.url.parse().expect("a URL"));
    assert_eq!(test.call(sealed).await, Err(Error::Untrusted));
}

/// A peer that fails every call, and the settings that matter.
async fn failing(settings: &str) -> (ScriptedPeer, Test) {
    let peer = ScriptedPeer::start(vec![status(503)]).await;
    let granted = Granted::new(&format!("{SETTINGS}{settings}")).await;
    granted
        .assembly
        .peers
        .set("b", peer.url.parse().expect("a URL"));
    let a = granted.capabilities_of("a");
    (peer, Test { granted, a })
}

#[tokio::test]
async fn retries_are_at_most_a_tenth_of_the_calls() {
    let (peer, test) = failing("breaker_failures = 1000000\n").await;
    for _ in 0..400 {
        let result = test.call(post(Some("k"))).await;
        assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    }
    let requests = peer.requests().len();
    assert!((401..=440).contains(&requests), "{requests} requests");
}

#[tokio::test]
async fn a_peer_that_always_fails_is_not_called_for_a_while() {
    let (peer, test) = failing("breaker_pause = \"5m\"\n").await;
    for _ in 0..400 {
        let result = test.call(post(Some("k"))).await;
        assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    }
    assert_eq!(peer.requests().len(), 10);
}

#[tokio::test]
async fn a_peer_is_called_again_after_the_pause() {
    let mut script = vec![status(503); 10];
    script.push(status(200));
    let peer = ScriptedPeer::start(script).await;
    let granted = Granted::new(&format!("{SETTINGS}breaker_pause = \"10ms\"\n")).await;
    let address = peer.url.parse().expect("a URL");
    granted.assembly.peers.set("b", address);
    let a = granted.capabilities_of("a");
    let test = Test { granted, a };
    crate::support::until("an answer", async || {
        test.call(request("GET")).await.ok().map(drop)
    })
    .await;
    for _ in 0..20 {
        assert_eq!(
            test.call(request("GET")).await.expect("an answer").status,
            200
        );
    }
}

#[tokio::test]
async fn each_attempt_says_how_long_it_may_take() {
    let peer = ScriptedPeer::start(vec![status(503), status(200)]).await;
    let test = Test::new(&peer.url).await;
    let sealed = Request {
        sealed: true,
        ..post(Some("k"))
    };
    assert_eq!(test.call(sealed).await, Err(Error::Untrusted));
    let milliseconds = |request: &ReceivedRequest| -> u32 {
        let text = request.headers["grpc-timeout"].to_str().expect("text");
        let number = text.strip_suffix('m').expect("milliseconds");
        number.parse().expect("a number")
    };
    let waits: Vec<u32> = peer.requests().iter().map(milliseconds).collect();
    // Four fifths of 30 seconds, and half of what is left then.
    assert!((18_000..=24_000).contains(&waits[0]), "{waits:?}");
    assert!((9_000..=15_000).contains(&waits[1]), "{waits:?}");
}
