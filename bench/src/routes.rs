//! The routes that hosts are compared by.

use clap::ValueEnum;

use crate::{
    hosts::{Host, USERS},
    load::Load,
};

/// The event that is recorded.
pub(crate) const EVENT: &str = r#"{"event_type": "page_view", "event_name": "home"}"#;
pub(crate) const EVENTS_PATH: &str = "/api/v1/analytics/events";

/// Each connection waits this long after an event. With [`EVENT_CONNECTIONS`] there are at most 3,000 events
/// a second.
const EVENT_PAUSE_MS: u32 = 10;
const EVENT_CONNECTIONS: u32 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Route {
    /// The index of the services, which calls nothing.
    Plain,
    /// The health of a service.
    Health,
    /// The caller's profile: a token and a row.
    Profile,
    /// The number of users.
    Count,
    /// Record an event.
    Event,
    /// Statistics of all events.
    Statistics,
    /// The same while up to 3,000 events a second come in.
    StatisticsDuringEvents,
    /// Log in, with argon2id.
    Login,
}

impl Route {
    pub(crate) const ALL: [Self; 8] = [
        Self::Plain,
        Self::Health,
        Self::Profile,
        Self::Count,
        Self::Event,
        Self::Statistics,
        Self::StatisticsDuringEvents,
        Self::Login,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Health => "health of a service",
            Self::Profile => "profile",
            Self::Count => "user count",
            Self::Event => "event",
            Self::Statistics => "statistics",
            Self::StatisticsDuringEvents => "statistics while events come in",
            Self::Login => "login",
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Plain => "/",
            Self::Health => "/api/v1/users/health",
            Self::Profile => "/api/v1/users/profile",
            Self::Count => "/api/v1/users/stats/count",
            Self::Event => EVENTS_PATH,
            Self::Statistics | Self::StatisticsDuringEvents => "/api/v1/analytics/stats",
            Self::Login => "/api/v1/users/login",
        }
    }

    /// The requests of this route to a host.
    pub(crate) fn load(self, host: &Host, seconds: u32) -> Load {
        let mut load = Load::get(format!("{}{}", host.url, self.path()), seconds);
        match self {
            Self::Profile => load.token = Some(host.token.clone()),
            Self::Event => {
                load.token = Some(host.token.clone());
                load.body = Some(EVENT.to_owned());
            }
            Self::Login => {
                load.body = Some(login("{n}"));
                load.users = Some(USERS);
            }
            _ => {}
        }
        load
    }

    /// What is sent at the same time.
    pub(crate) fn background(self, host: &Host, seconds: u32) -> Option<Load> {
        (self == Self::StatisticsDuringEvents).then(|| Load {
            pause_ms: Some(EVENT_PAUSE_MS),
            connections: EVENT_CONNECTIONS,
            ..Self::Event.load(host, seconds)
        })
    }
}

/// The body with which the user of this number registers and logs in.
pub(crate) fn login(number: &str) -> String {
    format!(
        r#"{{"username": "user{number}", "email": "user{number}@example.com", "password": "correct horse"}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_measured_by_default() {
        let all = Route::value_variants();
        assert_eq!(all, Route::ALL);
    }
}
