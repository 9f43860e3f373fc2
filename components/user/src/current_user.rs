//! Who is logged in, and that the session was used.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use quick_cache::unsync::Cache;
use service_kit::adapter::tokens::Claims;
use service_kit::problem::{Problem, kinds};
use service_kit::{Bearer, background};
use uuid::Uuid;

use crate::services;

/// A session's last use is noted at most as often. The statement that notes it says the same, for
/// there are several instances.
const NOTE_USE_EVERY: Duration = Duration::from_secs(60);

/// Sessions whose last use an instance remembers, at some 100 bytes each. A session that it forgets
/// costs a statement that changes nothing.
const MAX_NOTED: usize = 10_000;

/// Extractor: the user that the access token was issued to.
#[derive(Debug)]
pub(crate) struct CurrentUser {
    pub(crate) user_id: String,
    /// None for a token from before there were sessions.
    pub(crate) session_id: Option<String>,
}

thread_local! {
    static NOTED: RefCell<Cache<String, Instant>> = RefCell::new(Cache::new(MAX_NOTED));
}

impl<S: Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Bearer(claims) = Bearer::from_request_parts(parts, state).await?;
        let user = Self::of(claims)?;
        if let Some(session) = &user.session_id
            && NOTED.with_borrow_mut(|noted| is_due(noted, session, Instant::now()))
        {
            background(services::note_session_use(session.clone()));
        }
        Ok(user)
    }
}

impl CurrentUser {
    /// PostgreSQL would refuse ids that are no UUIDs as our mistake; it is the token's.
    fn of(claims: Claims) -> Result<Self, Problem> {
        let is_ours = |id: &str| Uuid::parse_str(id).is_ok();
        if !is_ours(&claims.subject) || !claims.session.as_deref().is_none_or(is_ours) {
            return Err(Self::gone());
        }
        Ok(Self {
            user_id: claims.subject,
            session_id: claims.session,
        })
    }

    /// The token is good, but its user is gone.
    pub(crate) fn gone() -> Problem {
        let detail = "The access token's user does not exist.";
        Problem::new(&kinds::UNAUTHENTICATED, detail)
            .with_challenge(r#"Bearer realm="spindle", error="invalid_token""#)
    }
}

/// Whether the use of a session is to be noted now, and if so, that it is.
fn is_due(noted: &mut Cache<String, Instant>, session: &str, now: Instant) -> bool {
    let last = noted.get(session);
    if last.is_some_and(|last| now.duration_since(*last) < NOTE_USE_EVERY) {
        return false;
    }
    noted.insert(session.to_owned(), now);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_minute_and_memory_is_bounded() {
        let (mut noted, start) = (Cache::new(MAX_NOTED), Instant::now());
        assert!(is_due(&mut noted, "a", start));
        assert!(!is_due(&mut noted, "a", start + Duration::from_secs(59)));
        assert!(is_due(&mut noted, "a", start + Duration::from_secs(60)));
        for number in 0..=MAX_NOTED {
            assert!(is_due(&mut noted, &number.to_string(), start));
        }
        assert!(noted.len() <= MAX_NOTED);
    }

    #[test]
    fn ids_that_are_none_of_ours_are_nobodys() {
        let claims = |subject: &str, session: Option<&str>| Claims {
            subject: subject.to_owned(),
            id: "1".to_owned(),
            session: session.map(str::to_owned),
            expires_at: 0,
        };
        let id = "018f4e9a-7b1c-7def-8000-000000000001";
        assert!(CurrentUser::of(claims(id, Some(id))).is_ok());
        assert!(CurrentUser::of(claims(id, None)).is_ok());
        assert_eq!(
            CurrentUser::of(claims("ada", None)).unwrap_err().status(),
            401
        );
        assert_eq!(
            CurrentUser::of(claims(id, Some("s"))).unwrap_err().status(),
            401
        );
    }
}
