//! The schemas of sessions, and of a change of password.

use serde::Serialize;
use service_kit::clock;
use service_kit::input::{FromFields, rules};
use service_kit::openapi::Schema;
use service_kit::sql::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

/// A session that has not ended.
#[derive(Debug, Serialize, Schema, FromRow)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    #[serde(serialize_with = "clock::serialize")]
    pub(crate) created_at: OffsetDateTime,
    /// Accurate to one minute.
    #[serde(serialize_with = "clock::serialize")]
    pub(crate) last_used_at: OffsetDateTime,
    #[serde(serialize_with = "clock::serialize")]
    pub(crate) expires_at: OffsetDateTime,
    #[example("curl/8.5.0")]
    pub(crate) user_agent: Option<String>,
    #[example("192.0.2.1")]
    pub(crate) address: Option<String>,
    /// Whether it is the session of the request.
    pub(crate) current: bool,
}

/// The sessions of one user, newest first.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Sessions {
    pub(crate) items: Vec<Session>,
}

/// A session that was ended.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct EndedSession {
    pub(crate) session_id: Uuid,
}

/// Body of a message about an account that was closed.
#[derive(Debug, FromFields)]
pub(crate) struct ClosedAccount {
    #[rule(rules::uuid)]
    pub(crate) user_id: Uuid,
}

/// Body of a change of password. The current password has no minimum length, because it is compared
/// and not set.
#[derive(Debug, FromFields)]
pub(crate) struct PasswordChange {
    #[rule(rules::password(1, 100))]
    pub(crate) current_password: String,
    /// Not one of the most common passwords, and not the name or the e-mail address.
    #[rule(rules::password(8, 100))]
    pub(crate) new_password: String,
}

/// The outcome of a change of password.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct PasswordChanged {
    pub(crate) ended_sessions: usize,
}
