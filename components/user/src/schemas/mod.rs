//! What requests must look like, and what answers look like.

mod activities;
mod sessions;

pub(crate) use activities::*;
use serde::Serialize;
use serde_json::Value;
use service_kit::input::{Fields, FromFields, Violation, rules};
pub(crate) use sessions::*;

/// Body of a registration.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) password: String,
}

/// Body of a login.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) username: String,
    pub(crate) password: String,
}

/// A new user.
#[derive(Debug, Serialize)]
pub(crate) struct Registered {
    pub(crate) user_id: String,
    pub(crate) username: String,
}

/// A successful login, as RFC 6749 has it.
#[derive(Debug, Serialize)]
pub(crate) struct AccessToken {
    pub(crate) access_token: String,
    pub(crate) token_type: &'static str,
    pub(crate) expires_in: u32,
}

/// What users see of themselves.
#[derive(Debug, Serialize)]
pub(crate) struct Profile {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) is_active: bool,
    pub(crate) created_at: String,
}

/// How many users there are.
#[derive(Debug, Serialize)]
pub(crate) struct UserCount {
    pub(crate) total_users: i64,
    pub(crate) active_users: i64,
    pub(crate) inactive_users: i64,
}

impl FromFields for Registration {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let username = fields.required("username", username);
        let email = fields.required("email", rules::email);
        let password = fields.required("password", rules::secret(8, 100));
        Some(Self {
            username: username?,
            email: email?,
            password: password?,
        })
    }
}

/// No lower limit for the password: it is compared, not set.
impl FromFields for Login {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let username = fields.required("username", username);
        let password = fields.required("password", rules::secret(1, 100));
        Some(Self {
            username: username?,
            password: password?,
        })
    }
}

/// ASCII only, so that no two names look alike and `lower()` in PostgreSQL agrees with everybody.
fn username(value: Value) -> Result<String, Violation> {
    let name = rules::text(3, 50)(value)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.bytes().all(allowed) {
        Ok(name)
    } else {
        let message = "may contain letters without accents, digits, `_`, `.` and `-` only";
        Err(Violation::new("characters", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use service_kit::input::read;

    #[test]
    fn a_registration_is_read_and_its_address_lowered() {
        let document =
            json!({"username": "Ada_1", "email": "Ada@Example.org", "password": "12345678"});
        let registration: Registration = read(document).unwrap();
        assert_eq!(registration.username, "Ada_1");
        assert_eq!(registration.email, "ada@example.org");
    }

    #[test]
    fn all_three_fields_are_named_when_all_are_wrong() {
        let document = json!({"username": "a b c", "email": 7});
        let problem = format!("{:?}", read::<Registration>(document).unwrap_err());
        for expected in ["/username", "/email", "/password"] {
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn names_outside_the_alphabet_are_refused() {
        for name in ["ab", "ädä", "a/b", "a b", &"x".repeat(51)] {
            assert!(username(json!(name)).is_err(), "{name}");
        }
    }
}
