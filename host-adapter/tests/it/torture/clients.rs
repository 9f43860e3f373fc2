//! Clients that repeat each request until it is acknowledged, and the ledger of what was.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{RngExt as _, seq::IndexedRandom as _};
use serde_json::Value;
use tokio::task::JoinSet;

use super::plan::{self, Random};
use crate::support::customer::{Customer, Outcome, token};

const CLIENTS: usize = 6;

/// How long a client waits for an answer. A later one is lost, as is that to a client that goes away.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a request is repeated. Everything has been repaired long before.
const PATIENCE: Duration = Duration::from_secs(150);

/// Seconds by which another clock may be ahead, a little less than what adapters accept.
const FUTURE_TOLERANCE: u64 = 4;

/// What was acknowledged.
#[derive(Default)]
pub(super) struct Ledger {
    /// The ids of users, by name.
    pub(super) registrations: BTreeMap<String, String>,
    pub(super) logins: Vec<Login>,
    pub(super) events: Vec<String>,
    /// Answers by request and status.
    pub(super) answers: BTreeMap<String, usize>,
    /// Answers that no fault explains.
    pub(super) unexpected: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) session: String,
    pub(super) token: String,
    /// Not if the clock of the adapter that issued the token was ahead: others reject a token from the future.
    pub(super) is_usable: bool,
    pub(super) logout: Logout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logout {
    Never,
    /// An answer did not come, and then the token was refused.
    Unknown,
    Acknowledged,
}

/// The running clients.
pub(super) struct Clients {
    pub(super) ledger: Arc<Mutex<Ledger>>,
    stopping: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Clients {
    pub(super) fn start(urls: &[String; 2], seed: u64) -> Self {
        let (ledger, stopping) = (
            Arc::<Mutex<Ledger>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let mut tasks = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client {
                number,
                users: 0,
                customers: urls
                    .each_ref()
                    .map(|url| Customer::new(url, ANSWER_TIMEOUT)),
                random: plan::random(seed.wrapping_add(1 + number as u64)),
                ledger: ledger.clone(),
            };
            tasks.spawn(client.run(stopping.clone()));
        }
        Self {
            ledger,
            stopping,
            tasks,
        }
    }

    /// Has each client finish what it does.
    pub(super) async fn stop(self) -> Ledger {
        self.stopping.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
        std::mem::take(&mut *self.ledger.lock().expect("lock"))
    }
}

struct Client {
    number: usize,
    users: usize,
    customers: [Customer; 2],
    random: Random,
    ledger: Arc<Mutex<Ledger>>,
}

/// What came of a request that was repeated.
enum Insisted {
    Acknowledged(Value),
    /// It was answered with this status after an attempt whose outcome is unknown.
    Refused,
    GivenUp,
}

impl Client {
    async fn run(mut self, stopping: Arc<AtomicBool>) {
        while !stopping.load(Ordering::Relaxed) {
            self.users += 1;
            let name = format!("user{}x{}", self.number, self.users);
            self.live(&name).await;
        }
    }

    /// Registers a user, and does what users do.
    async fn live(&mut self, name: &str) {
        let Insisted::Acknowledged(answer) = self.insist(Action::Register(name)).await else {
            return;
        };
        let user = answer["data"]["user_id"].as_str().expect("an id");
        let user = user.to_owned();
        self.with(|ledger| ledger.registrations.insert(name.to_owned(), user.clone()));
        for _ in 0..self.random.random_range(1..=2) {
            let Insisted::Acknowledged(answer) = self.insist(Action::LogIn(name)).await else {
                return;
            };
            self.use_session(&user, &token(&answer)).await;
        }
    }

    async fn use_session(&mut self, user: &str, token: &str) {
        let claims = claims(token);
        let is_usable = claims["iat"].as_u64().expect("a time") <= unix_now() + FUTURE_TOLERANCE;
        let login = Login {
            user: user.to_owned(),
            session: claims["sid"].as_str().expect("a session").to_owned(),
            token: token.to_owned(),
            is_usable,
            logout: Logout::Never,
        };
        self.with(|ledger| ledger.logins.push(login));
        if !is_usable {
            return;
        }
        for _ in 0..self.random.random_range(1..=6) {
            let id = uuid::Uuid::now_v7().to_string();
            let recorded = self.insist(Action::Record(token, &id)).await;
            if let Insisted::Acknowledged(_) = recorded {
                self.with(|ledger| ledger.events.push(id));
            }
        }
        if self.random.random_bool(0.5) {
            self.log_out(token).await;
        }
    }

    async fn log_out(&mut self, token: &str) {
        let logout = match self.insist(Action::LogOut(token)).await {
            Insisted::Acknowledged(_) => Logout::Acknowledged,
            Insisted::Refused => Logout::Unknown,
            Insisted::GivenUp => return,
        };
        self.with(|ledger| {
            let mut logins = ledger.logins.iter_mut();
            let login = logins.find(|login| login.token == token);
            login.expect("noted at the login").logout = logout;
        });
    }

    /// Repeats a request, at one of the applications each time, until it is acknowledged.
    async fn insist(&mut self, action: Action<'_>) -> Insisted {
        let (begin, mut doubt) = (Instant::now(), false);
        while begin.elapsed() < PATIENCE {
            let customer = self
                .customers
                .choose(&mut self.random)
                .expect("two")
                .clone();
            let outcome = action.send(&customer).await;
            self.note(&action, &outcome);
            match outcome {
                Ok((status, body)) if action.is_acknowledged(status) => {
                    return Insisted::Acknowledged(body);
                }
                Ok((status, _)) if doubt && action.is_final_in_doubt(status) => {
                    return Insisted::Refused;
                }
                Ok((status, body)) if !action.is_explained(status, &body) => {
                    let answer = format!("{}: {status} {body}", action.name());
                    self.with(|ledger| ledger.unexpected.push(answer));
                    return Insisted::GivenUp;
                }
                // What was refused at once has no effect.
                Ok((status, _)) => doubt |= status >= 500,
                Err(_) => doubt = true,
            }
            let pause = Duration::from_millis(self.random.random_range(20..200));
            tokio::time::sleep(pause).await;
        }
        let failure = format!("{}: not acknowledged in {PATIENCE:?}", action.name());
        self.with(|ledger| ledger.unexpected.push(failure));
        Insisted::GivenUp
    }

    fn note(&self, action: &Action<'_>, outcome: &Outcome) {
        let word = match outcome {
            Ok((status, _)) => status.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        let answer = format!("{}: {word}", action.name());
        self.with(|ledger| *ledger.answers.entry(answer).or_default() += 1);
    }

    fn with<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        change(&mut self.ledger.lock().expect("lock"))
    }
}

/// A request that is repeated.
enum Action<'a> {
    /// A name.
    Register(&'a str),
    LogIn(&'a str),
    /// A token and the id of an event.
    Record(&'a str, &'a str),
    LogOut(&'a str),
}

impl Action<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::LogIn(_) => "login",
            Self::Record(..) => "event",
            Self::LogOut(_) => "logout",
        }
    }

    async fn send(&self, customer: &Customer) -> Outcome {
        match self {
            Self::Register(name) => customer.register(name).await,
            Self::LogIn(name) => customer.log_in(name).await,
            Self::Record(token, id) => customer.record_event(token, id).await,
            Self::LogOut(token) => customer.log_out(token).await,
        }
    }

    fn is_acknowledged(&self, status: u16) -> bool {
        match self {
            Self::Register(_) => status == 201,
            Self::Record(..) => matches!(status, 200 | 201),
            Self::LogIn(_) | Self::LogOut(_) => status == 200,
        }
    }

    /// Whether the status says, after an attempt whose outcome is unknown, that another one is of no use.
    fn is_final_in_doubt(&self, status: u16) -> bool {
        match self {
            // The account has a delay after many attempts that did not end.
            Self::LogIn(_) => status == 429,
            Self::LogOut(_) => status == 401,
            Self::Register(_) | Self::Record(..) => false,
        }
    }

    /// Whether a fault explains the answer, so that the request is repeated.
    fn is_explained(&self, status: u16, body: &Value) -> bool {
        match status {
            408 | 429 | 503 | 504 => true,
            // The first attempt still runs.
            409 => body["type"] == "/problems/request-in-progress",
            // By a clock that is behind, the token has not been issued yet.
            401 => matches!(self, Self::Record(..) | Self::LogOut(_)),
            _ => false,
        }
    }
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}
