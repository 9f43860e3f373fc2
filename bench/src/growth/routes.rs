//! The routes whose cost must not grow.

use anyhow::Context as _;
use serde_json::Value;

use crate::{
    hosts::{Host, USERS},
    http::Http,
    lab::Lab,
    load::{Load, Outcome},
    routes::{EVENT, EVENTS_PATH, Route, login},
    statistics::{STATISTICS, WEEK},
};

/// Few, so that a latency is that of the request and not of a queue.
const CONNECTIONS: u32 = 4;

const ACTIVITIES: &str = "/api/v1/users/activities";
const SESSIONS: &str = "/api/v1/users/sessions";

/// The largest page, to reach a deep one soon.
const LARGE_PAGE: usize = 100;

/// A route of one application.
pub(super) struct Target {
    pub(super) title: &'static str,
    load: Load,
}

impl Target {
    /// The routes that anyone may read.
    pub(super) fn public(host: &Host) -> Vec<Self> {
        let get = |title, path: &str| Self {
            title,
            load: Load {
                connections: CONNECTIONS,
                ..Load::get(format!("{}{path}", host.url), 0)
            },
        };
        vec![
            get("health of a service", Route::Health.path()),
            get("user count", Route::Count.path()),
            get("statistics", STATISTICS),
            get("statistics of 7 days", &format!("{STATISTICS}?{WEEK}")),
        ]
    }

    /// The routes of a host, in the same order for each. What writes comes last.
    pub(super) async fn all(host: &Host) -> anyhow::Result<Vec<Self>> {
        let get = |title, path: &str| Self {
            title,
            load: Load {
                token: Some(host.token.clone()),
                connections: CONNECTIONS,
                ..Load::get(format!("{}{path}", host.url), 0)
            },
        };
        let deep = format!("{ACTIVITIES}?cursor={}", middle(host).await?);
        let event = Self {
            title: "record an event",
            load: Load {
                body: Some(EVENT.to_owned()),
                ..get("", EVENTS_PATH).load
            },
        };
        let log_in = Self {
            title: "login",
            load: Load {
                token: None,
                body: Some(login("{n}")),
                users: Some(USERS),
                ..get("", Route::Login.path()).load
            },
        };
        let mut targets = Self::public(host);
        targets.extend([
            get("profile", Route::Profile.path()),
            get("sessions", SESSIONS),
            get("activities, first page", ACTIVITIES),
            get("activities, deep page", &deep),
            get("activity statistics", &format!("{ACTIVITIES}/stats")),
            get("events of the user", EVENTS_PATH),
            log_in,
            event,
        ]);
        Ok(targets)
    }

    pub(super) async fn run(&self, lab: &Lab, seconds: u32) -> anyhow::Result<Outcome> {
        let load = Load {
            seconds,
            ..self.load.clone()
        };
        load.run(&lab.directory).await
    }
}

/// The cursor in the middle of the user's activities.
async fn middle(host: &Host) -> anyhow::Result<String> {
    let http = Http::new(&host.url);
    let mut cursors = Vec::new();
    let mut path = format!("{ACTIVITIES}?limit={LARGE_PAGE}");
    loop {
        let page = http.get(&path, Some(&host.token)).await?;
        let Some(next) = page.pointer("/data/next").and_then(Value::as_str) else {
            break;
        };
        path = format!("{ACTIVITIES}?limit={LARGE_PAGE}&cursor={next}");
        cursors.push(next.to_owned());
    }
    let middle = cursors.len() / 2;
    let cursor = cursors.into_iter().nth(middle);
    cursor.context("there is only one page of activities")
}
