//! The delivery of messages: places, pauses, order, leases and shutdown.

use std::{path::Path, sync::Arc};

use adapter_capabilities::{
    outbox::Relay,
    postgres::Message,
    vault::{Envelopes, ExpectedClaims, Purpose, SealRequest},
};
use host_adapter::config::{Environment, Settings};
use serde_json::{Value, json};
use sqlx::Row as _;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::{
    capabilities::Granted,
    cluster,
    scripted::{ReceivedRequest, Reply, ScriptedPeer},
    until,
};

/// A sends, b and c receive. A call may take longer than a test waits.
const SETTINGS: &str = "[components.a]\npostgres = true\npeers = [\"b\", \"c\"]\nenvelopes = [\"b\", \"c\"]\n\
    [components.b]\nenvelopes = [\"a\"]\n[components.c]\nenvelopes = [\"a\"]\n\
    [host]\nrequest_timeout = \"4m\"\n[server]\nrequest_timeout = \"4m\"\n\
    [postgres]\nacquire_timeout = \"1m\"\nstatement_timeout = \"1m\"\n\
    [dispatch]\noutbox_interval = \"50ms\"\ntimeout = \"3m\"\nbackoff_base = \"1ms\"\nbackoff_cap = \"10ms\"\n";

/// Adapters with the same keys on one database, whose relays run.
struct Test {
    adapters: Vec<Granted>,
    relays: JoinSet<usize>,
    stop: CancellationToken,
    _directory: TempDir,
}

impl Test {
    async fn new(adapters: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("adapter.toml"), SETTINGS).expect("write");
        let environment = Environment::new([], []);
        let settings = Settings::load(directory.path(), Path::new("adapter.toml"), &environment);
        let (settings, database) = (settings.expect("settings"), cluster::database().await);
        let mut all = Vec::new();
        for _ in 0..adapters {
            all.push(Granted::from_settings(settings.clone(), &database).await);
        }
        Self {
            adapters: all,
            relays: JoinSet::new(),
            stop: CancellationToken::new(),
            _directory: directory,
        }
    }

    /// Starts the relays of all adapters, which deliver to these peers.
    fn start(&mut self, peers: &[(&str, &ScriptedPeer)]) {
        for adapter in &mut self.adapters {
            for (name, peer) in peers {
                let url = peer.url.parse().expect("a URL");
                adapter.assembly.peers.set(name, url);
            }
            let relays: Vec<Relay> = std::mem::take(&mut adapter.assembly.relays);
            for relay in relays {
                self.relays.spawn(relay.run(self.stop.clone()));
            }
        }
    }

    async fn send(&self, peer: &str, bodies: impl IntoIterator<Item = Value>, key: Option<&str>) {
        let message = |body: Value| Message {
            peer: peer.into(),
            path: "/x".into(),
            idempotency_key: "k".into(),
            key: key.map(str::to_owned),
            body: body.to_string(),
        };
        let messages: Vec<Message> = bodies.into_iter().map(message).collect();
        let a = self.adapters[0].capabilities_of("a");
        let postgres = a.postgres().expect("granted");
        for chunk in messages.chunks(50) {
            let sent = postgres.transact(vec![], chunk.to_vec()).await;
            sent.expect("the messages are stored");
        }
    }

    /// A peer that opens what it receives, and answers with the status that `decide` returns for it.
    /// Without a status it answers like one that cannot open the envelope.
    async fn receiver(
        &self,
        name: &'static str,
        decide: impl Fn(usize, &Value) -> Option<u16> + Send + Sync + 'static,
    ) -> ScriptedPeer {
        let granted = self.adapters[0].capabilities_of(name);
        let envelopes = granted.envelopes().expect("granted").envelopes.clone();
        let count = std::sync::atomic::AtomicUsize::new(0);
        let answer = move |request: &ReceivedRequest| {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let (id, body) = open(&envelopes, name, request);
            match decide(number, &body) {
                Some(status) => (status, seal(&envelopes, name, &id)),
                None => (
                    400,
                    json!({ "type": "/problems/envelope-invalid" }).to_string(),
                ),
            }
        };
        ScriptedPeer::start(vec![Reply::Computed(Arc::new(answer))]).await
    }

    /// Runs SQL as the administrator.
    async fn sql(&self, sql: &'static str) {
        let mut connection = cluster::connect(&self.adapters[0].database).await;
        let done = sqlx::query(sql).execute(&mut connection).await;
        done.expect("the statement runs");
    }

    /// Whether the messages that wait are due and belong to no relay, by message.
    async fn waiting(&self) -> Vec<bool> {
        let mut sql = cluster::connect(&self.adapters[0].database).await;
        let query = "select leased_by is null and next_attempt_at <= now() from a.outbox";
        let rows = sqlx::query(query).fetch_all(&mut sql).await.expect("rows");
        rows.iter().map(|row| row.get(0)).collect()
    }
}

fn open(envelopes: &Envelopes, name: &str, request: &ReceivedRequest) -> (String, Value) {
    let body: Value = serde_json::from_str(&request.body).expect("JSON");
    let expected = ExpectedClaims {
        audience: name,
        issuers: &["a".to_owned()],
        method: "POST",
        path: "/x",
        purpose: Purpose::Request,
    };
    let opened = envelopes.open(body["encrypted_data"].as_str().expect("text"), expected);
    let opened = opened.expect("an envelope");
    (
        opened.id,
        serde_json::from_str(&opened.payload).expect("JSON"),
    )
}

fn seal(envelopes: &Envelopes, name: &str, in_reply_to: &str) -> String {
    let request = SealRequest {
        issuer: name,
        audience: "a",
        method: "POST",
        path: "/x",
        purpose: Purpose::Response {
            in_reply_to: Some(in_reply_to),
        },
    };
    let sealed = envelopes.seal("{}", request).expect("sealed");
    json!({ "encrypted_data": sealed.envelope }).to_string()
}

fn numbers(count: u64) -> impl Iterator<Item = Value> {
    (0..count).map(Value::from)
}

#[tokio::test]
async fn a_hanging_peer_holds_back_no_other() {
    let mut test = Test::new(1).await;
    let hanging = ScriptedPeer::start(vec![Reply::Silence]).await;
    let working = test.receiver("c", |_, _| Some(200)).await;
    test.send("b", numbers(100), None).await;
    test.start(&[("b", &hanging), ("c", &working)]);
    until("the places of the hanging peer to be full", async || {
        (hanging.requests().len() == 8).then_some(())
    })
    .await;
    test.send("c", numbers(20), None).await;
    until("the other peer's messages", async || {
        (test.waiting().await.len() == 100).then_some(())
    })
    .await;
    assert_eq!(working.requests().len(), 20);
    assert_eq!(hanging.requests().len(), 8);
}

#[tokio::test]
async fn a_refusing_peer_is_paused() {
    let mut test = Test::new(1).await;
    let refusing = test.receiver("b", |_, _| Some(500)).await;
    let working = test.receiver("c", |_, _| Some(200)).await;
    test.send("b", numbers(1_000), None).await;
    test.send("c", numbers(500), None).await;
    test.start(&[("b", &refusing), ("c", &working)]);
    until("the other peer's messages", async || {
        (test.waiting().await.len() == 1_000).then_some(())
    })
    .await;
    let asked = refusing.requests().len();
    assert!((3..100).contains(&asked), "{asked} requests");
}

#[tokio::test]
async fn messages_of_a_key_arrive_in_order() {
    let mut test = Test::new(2).await;
    let accepted = Arc::new(std::sync::Mutex::new(Vec::new()));
    let receiver = {
        let accepted = accepted.clone();
        let decide = move |number, body: &Value| match number {
            // It has not got the sender's key yet.
            0 => None,
            3 => Some(500),
            _ => {
                accepted.lock().expect("lock").push(body.clone());
                Some(200)
            }
        };
        test.receiver("b", decide).await
    };
    test.send("b", numbers(20), Some("the-user")).await;
    test.start(&[("b", &receiver)]);
    until("all messages", async || {
        test.waiting().await.is_empty().then_some(())
    })
    .await;
    let accepted = accepted.lock().expect("lock").clone();
    assert_eq!(accepted, numbers(20).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_relays_deliver_each_message_once() {
    let mut test = Test::new(2).await;
    let receiver = test.receiver("b", |_, _| Some(200)).await;
    test.send("b", numbers(300), None).await;
    test.start(&[("b", &receiver)]);
    until("all messages", async || {
        test.waiting().await.is_empty().then_some(())
    })
    .await;
    assert_eq!(receiver.requests().len(), 300);
}

#[tokio::test]
async fn a_stopped_relay_hands_back_what_it_has() {
    let mut test = Test::new(1).await;
    let hanging = ScriptedPeer::start(vec![Reply::Silence]).await;
    test.send("b", numbers(20), None).await;
    test.start(&[("b", &hanging)]);
    until("deliveries to begin", async || {
        (hanging.requests().len() == 8).then_some(())
    })
    .await;
    test.stop.cancel();
    let mut handed_back = 0;
    while let Some(ended) = test.relays.join_next().await {
        handed_back += ended.expect("the relay ends");
    }
    assert_eq!(handed_back, 8);
    assert_eq!(test.waiting().await, [true; 20]);
}

#[tokio::test]
async fn old_messages_become_dead_letters_and_then_go() {
    let mut test = Test::new(1).await;
    let refusing = test.receiver("b", |_, _| Some(500)).await;
    test.send("b", numbers(2), None).await;
    test.sql("update a.outbox set created_at = now() - interval '8 days' where body = '0'")
        .await;
    test.start(&[("b", &refusing)]);
    let dead = "select refusal from a.outbox where refused_at is not null";
    let mut sql = cluster::connect(&test.adapters[0].database).await;
    let refusal: String = until("the old message to be dead", async || {
        let found = sqlx::query_scalar(dead).fetch_optional(&mut sql).await;
        found.expect("a query")
    })
    .await;
    assert!(refusal.contains("`dispatch.outbox_max_age`"), "{refusal}");
    test.sql("update a.outbox set refused_at = now() - interval '31 days' where body = '0'")
        .await;
    until("the dead letter to be deleted", async || {
        (test.waiting().await.len() == 1).then_some(())
    })
    .await;
}
