//! Two adapters behind a load balancer are stopped and started again in turn, while clients use them and keys
//! are rotated. With an earlier release, each changes between that and this one.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use adapter_capabilities::vault::{EnvelopeSettings, Envelopes, KeyRing, Purpose, SealRequest};
use host_adapter::{
    assembly,
    config::{Environment, Settings},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    App, Builder, HostMode, TIMEOUT,
    app::PASSWORD,
    balancer::Balancer,
    cluster,
    customer::{Customer, EVENTS, LOGIN, Outcome, PROFILE, token},
    events::STATISTICS,
    project,
    release::Release,
};

/// How long there are rollouts, in seconds. Without it there is one of each adapter.
const SECONDS: &str = "ROLLOUT_SECONDS";

/// The directory of an earlier release, which `./dev torture rollout --from REVISION` builds.
const FROM: &str = "ROLLOUT_FROM";

const CLIENTS: usize = 4;

/// A client's pause between two requests. Without it the clients would keep the processors from everything else.
const PAUSE: Duration = Duration::from_millis(20);

/// All owners of keys. The shortest time until a new key is used is as long as the rollout of one adapter.
const OWNERS: [&str; 7] = [
    "user",
    "analytics",
    "gateway",
    "client",
    "answers",
    "tokens",
    "roles",
];

/// What the clients did and got.
#[derive(Default)]
struct Load {
    stopping: AtomicBool,
    requests: AtomicUsize,
    /// Events that must be in the statistics.
    events: AtomicUsize,
    failures: std::sync::Mutex<Vec<String>>,
}

impl Load {
    /// Checks an answer, and returns its body.
    fn expect(&self, what: &str, status: u16, outcome: Outcome) -> Option<Value> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok((found, body)) if found == status => return Some(body),
            other => {
                let failure = format!("{what}: {other:?}");
                self.failures.lock().expect("lock").push(failure);
            }
        }
        None
    }

    fn count_events(&self, events: usize) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }
}

/// A client: registers users one after another, and does everything as each of them.
async fn run_client(number: usize, customer: Customer, keys: PathBuf, load: Arc<Load>) {
    let mut user = 0;
    while !load.stopping.load(Ordering::Relaxed) {
        user += 1;
        // What fails is noted, and the client goes on with its next user.
        let _ = use_services(&format!("user-{number}-{user}"), &customer, &keys, &load).await;
    }
}

async fn use_services(name: &str, customer: &Customer, keys: &Path, load: &Load) -> Option<()> {
    load.expect("registration", 201, customer.register(name).await)?;
    load.count_events(1);
    let answer = load.expect("login", 200, customer.log_in(name).await)?;
    load.count_events(1);
    let token = token(&answer);
    for _ in 0..5 {
        tokio::time::sleep(PAUSE).await;
        let event = uuid::Uuid::now_v7().to_string();
        let recorded = customer.record_event(&token, &event).await;
        load.expect("event", 201, recorded)?;
        load.count_events(1);
        load.expect("profile", 200, customer.get(PROFILE, Some(&token)).await)?;
        load.expect("list", 200, customer.get(EVENTS, Some(&token)).await)?;
        load.expect("statistics", 200, customer.get(STATISTICS, None).await)?;
    }
    let body = json!({ "username": name, "password": PASSWORD });
    let sealed = customer
        .post_text(LOGIN, seal(keys, "user", LOGIN, &body))
        .await;
    let answer = load.expect("sealed login", 200, sealed)?;
    load.count_events(1);
    let other = token_in(keys, &answer);
    load.expect("profile", 200, customer.get(PROFILE, Some(&other)).await)?;
    load.expect("logout", 200, customer.log_out(&other).await)?;
    Some(())
}

/// Reads the keys as `host-adapter seal` does, at each use.
fn envelopes(keys: &Path) -> Envelopes {
    let directory = ("SPINDLE_KEYS_DIRECTORY".into(), keys.display().to_string());
    let environment = Environment::new([directory], []);
    let settings = Settings::load(&project(), Path::new("adapter.toml"), &environment);
    let keys: KeyRing = assembly::keys(&settings.expect("settings")).expect("keys");
    Envelopes::new(EnvelopeSettings::default(), &keys).expect("envelopes")
}

fn seal(keys: &Path, to: &str, path: &str, body: &Value) -> String {
    let request = SealRequest {
        issuer: "client",
        audience: to,
        method: "POST",
        path,
        purpose: Purpose::Request,
    };
    let sealed = envelopes(keys).seal(&body.to_string(), request);
    json!({ "encrypted_data": sealed.expect("sealed").envelope }).to_string()
}

fn token_in(keys: &Path, answer: &Value) -> String {
    let envelope = answer["encrypted_data"].as_str().expect("an envelope");
    let opened = envelopes(keys).inspect(envelope).expect("it opens");
    token(&serde_json::from_str(&opened.payload).expect("JSON"))
}

async fn start(release: &Release, database: &SecretString, keys: &Path) -> App {
    Builder::new(HostMode::Embedded)
        .release(release)
        .patient()
        .database(database.clone())
        .keys(keys)
        // Twice the default of the program: the balancer, too, may be slow on a busy machine.
        .env("SPINDLE_HOST_DRAIN_DELAY", "10s")
        .env("SPINDLE_HOST_SHUTDOWN_TIMEOUT", "40s")
        .env("SPINDLE_PASSWORDS_ATTEMPTS_PER_MINUTE", "1000000")
        .start()
        .await
}

/// Stops an adapter and checks how it ended.
async fn stop(app: App) {
    let (code, log) = app.stop().await;
    assert_eq!(code, Some(0), "{log:#?}");
    let texts = log.iter().filter_map(|line| line["message"].as_str());
    let ends: Vec<_> = texts.filter(|text| text.starts_with("stopped: ")).collect();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert!(ends[0].contains(" 0 requests were cut off"), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollouts_and_new_keys_fail_no_request() {
    let seconds = std::env::var(SECONDS).ok().map(|text| text.parse());
    let time = Duration::from_secs(seconds.map_or(0, |seconds| seconds.expect("a number")));
    let (database, directory) = (cluster::database().await, tempfile::tempdir());
    let directory = directory.expect("a directory");
    let keys = directory.path().join("keys");
    // What starts in each place next: this release, then the earlier one if there is one, and so on.
    let earlier = std::env::var_os(FROM).map(|path| Release::in_directory(Path::new(&path)));
    let releases = [Release::current(), earlier.unwrap_or_else(Release::current)];
    let start = async |number: usize| start(&releases[number % 2], &database, &keys).await;
    let mut apps = vec![start(1).await, start(1).await];
    let balancer = Balancer::start(&[&apps[0], &apps[1]]);
    let load = Arc::new(Load::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let customer = Customer::new(&balancer.url, TIMEOUT);
        clients.spawn(run_client(number, customer, keys.clone(), load.clone()));
    }
    let (begin, mut rollouts) = (Instant::now(), 0);
    while rollouts < 2 || begin.elapsed() < time {
        let place = rollouts % 2;
        if place == 0 {
            for owner in OWNERS {
                let arguments = ["keys", "rotate", "--owner", owner, "--after", "10s"];
                let rotated = apps[1].run(&arguments);
                assert!(rotated.status.success(), "{rotated:?}");
            }
        }
        stop(apps.remove(place)).await;
        apps.insert(place, start(rollouts / 2).await);
        balancer.replace(place, &apps[place]);
        balancer.wait_until_ready(place).await;
        rollouts += 1;
    }
    load.stopping.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let (requests, events) = (&load.requests, load.events.load(Ordering::Relaxed));
    let failures = load.failures.lock().expect("lock").clone();
    println!(
        "rollouts: {rollouts} in {:.0?}, {} requests, {} failed",
        begin.elapsed(),
        requests.load(Ordering::Relaxed),
        failures.len()
    );
    assert!(failures.is_empty(), "{failures:#?}");
    apps[0]
        .wait_for_statistics(events.try_into().expect("a number"))
        .await;
}
