//! Identifies the user of a request, and records that the session was used.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use quick_cache::unsync::Cache;
use service_kit::adapter::tokens::Claims;
use service_kit::openapi::{Describe, Operation};
use service_kit::problem::Problem;
use service_kit::{Bearer, background};
use uuid::Uuid;

use crate::error::Error;
use crate::services;

/// Minimum time before the use of a session is recorded again. The statement that records it has the
/// same limit, because there are several instances.
const NOTE_USE_EVERY: Duration = Duration::from_secs(60);

/// How many recorded sessions an instance remembers, at about 100 bytes each. For a forgotten session,
/// it runs a statement that changes nothing.
const MAX_NOTED: usize = 10_000;

/// Extractor: the user that the access token was issued to.
#[derive(Debug)]
pub(crate) struct CurrentUser {
    pub(crate) user_id: Uuid,
    /// None for a token that was issued without a session.
    pub(crate) session_id: Option<Uuid>,
}

thread_local! {
    static NOTED: RefCell<Cache<Uuid, Instant>> = RefCell::new(Cache::new(MAX_NOTED));
}

impl<S: Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Bearer(claims) = Bearer::from_request_parts(parts, state).await?;
        Ok(Self::of(&claims)?)
    }
}

impl Describe for CurrentUser {
    fn describe(operation: &mut Operation) {
        Bearer::describe(operation);
    }
}

impl CurrentUser {
    /// The user of a valid token. Records that the session was used.
    pub(crate) fn of(claims: &Claims) -> Result<Self, Error> {
        let user = Self::from_claims(claims).ok_or(Error::UserGone)?;
        if let Some(session) = user.session_id
            && NOTED.with_borrow_mut(|noted| is_due(noted, session, Instant::now()))
        {
            background(services::note_session_use(session));
        }
        Ok(user)
    }

    /// Returns `None` if an id is not a UUID, because then neither a user nor a session has it.
    fn from_claims(claims: &Claims) -> Option<Self> {
        let session_id = claims.session.as_deref().map(Uuid::parse_str);
        Some(Self {
            user_id: Uuid::parse_str(&claims.subject).ok()?,
            session_id: session_id.transpose().ok()?,
        })
    }
}

/// Returns whether the use of a session is due to be recorded. If so, it counts as recorded.
fn is_due(noted: &mut Cache<Uuid, Instant>, session: Uuid, now: Instant) -> bool {
    let last = noted.get(&session);
    if last.is_some_and(|last| now.duration_since(*last) < NOTE_USE_EVERY) {
        return false;
    }
    noted.insert(session, now);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_minute_and_memory_is_bounded() {
        let (mut noted, start) = (Cache::new(MAX_NOTED), Instant::now());
        let id = Uuid::nil();
        assert!(is_due(&mut noted, id, start));
        assert!(!is_due(&mut noted, id, start + Duration::from_secs(59)));
        assert!(is_due(&mut noted, id, start + Duration::from_secs(60)));
        for number in 1..=MAX_NOTED {
            assert!(is_due(&mut noted, Uuid::from_u128(number as u128), start));
        }
        assert!(noted.len() <= MAX_NOTED);
    }

    #[test]
    fn a_token_with_foreign_ids_has_no_user() {
        let user = |subject: &str, session: Option<&str>| {
            CurrentUser::from_claims(&Claims {
                subject: subject.to_owned(),
                id: "1".to_owned(),
                session: session.map(str::to_owned),
                expires_at: 0,
            })
        };
        let id = "018f4e9a-7b1c-7def-8000-000000000001";
        assert!(user(id, Some(id)).is_some());
        assert!(user(id, None).is_some());
        assert!(user("ada", None).is_none());
        assert!(user(id, Some("s")).is_none());
        assert_eq!(Problem::from(Error::UserGone).status(), 401);
    }
}
