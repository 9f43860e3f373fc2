//! Sessions as their users see them, and changing a password.

use serde::Serialize;
use service_kit::input::{Fields, FromFields, rules};

/// A session that has not ended.
#[derive(Debug, Serialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) created_at: String,
    /// Correct to a minute.
    pub(crate) last_used_at: String,
    pub(crate) expires_at: String,
    pub(crate) user_agent: Option<String>,
    pub(crate) address: Option<String>,
    /// Whether it is the one that asks.
    pub(crate) current: bool,
}

/// The sessions of one user, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct Sessions {
    pub(crate) items: Vec<Session>,
}

/// A session that was ended.
#[derive(Debug, Serialize)]
pub(crate) struct EndedSession {
    pub(crate) session_id: String,
}

/// Body of a change of password.
#[derive(Debug)]
pub(crate) struct PasswordChange {
    pub(crate) current_password: String,
    pub(crate) new_password: String,
}

/// What a change of password did besides.
#[derive(Debug, Serialize)]
pub(crate) struct PasswordChanged {
    pub(crate) ended_sessions: usize,
}

/// No lower limit for the current password: it is compared, not set.
impl FromFields for PasswordChange {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let current_password = fields.required("current_password", rules::secret(1, 100));
        let new_password = fields.required("new_password", rules::secret(8, 100));
        Some(Self {
            current_password: current_password?,
            new_password: new_password?,
        })
    }
}
