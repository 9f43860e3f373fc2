//! The schemas of requests and answers.

mod activities;
mod sessions;

pub(crate) use activities::*;
use serde::Serialize;
use serde_json::json;
use service_kit::clock;
use service_kit::input::{FromFields, Rule, Violation, rule, rules};
use service_kit::openapi::Schema;
use service_kit::sql::FromRow;
pub(crate) use sessions::*;
use time::OffsetDateTime;
use uuid::Uuid;

/// Body of a registration.
#[derive(Debug, FromFields)]
pub(crate) struct Registration {
    #[rule(username)]
    #[example("ada")]
    pub(crate) username: String,
    #[rule(rules::email)]
    pub(crate) email: String,
    /// Not one of the most common passwords, and not the name or the e-mail address.
    #[rule(rules::password(8, 100))]
    pub(crate) password: String,
}

/// Body of a login. The password has no minimum length, because it is compared and not set.
#[derive(Debug, FromFields)]
pub(crate) struct Login {
    #[rule(username)]
    #[example("ada")]
    pub(crate) username: String,
    #[rule(rules::password(1, 100))]
    pub(crate) password: String,
    /// The only service that the token is for, such as `analytics`. By default the token is for every service.
    #[rule(rules::text(1, 200))]
    #[example(serde_json::Value::Null)]
    pub(crate) audience: Option<String>,
}

/// A new user.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct Registered {
    pub(crate) user_id: Uuid,
    #[example("ada")]
    pub(crate) username: String,
}

/// A successful login, in the form of RFC 6749.
#[derive(Debug, Serialize, Schema)]
pub(crate) struct AccessToken {
    /// A JWT, signed with Ed25519.
    #[example("eyJhbGciOiJFZERTQSJ9…")]
    pub(crate) access_token: String,
    #[example("bearer")]
    pub(crate) token_type: &'static str,
    /// Seconds.
    #[example(900)]
    pub(crate) expires_in: u32,
}

/// A user's own profile.
#[derive(Debug, Serialize, Schema, FromRow)]
pub(crate) struct Profile {
    #[example("ada")]
    pub(crate) username: String,
    #[example("ada@example.com")]
    pub(crate) email: String,
    pub(crate) is_active: bool,
    #[serde(serialize_with = "clock::serialize")]
    pub(crate) created_at: OffsetDateTime,
}

/// The number of users.
#[derive(Debug, Serialize, Schema, FromRow)]
pub(crate) struct UserCount {
    pub(crate) total_users: i64,
    pub(crate) active_users: i64,
    pub(crate) inactive_users: i64,
}

/// Accepts ASCII only. Letters of different alphabets look alike, and the result of `lower()` in
/// PostgreSQL would depend on the locale.
fn username() -> impl Rule<Output = String> {
    let schema = || json!({"type": "string", "minLength": 3, "maxLength": 50, "pattern": "^[A-Za-z0-9_.-]*$"});
    rule(schema, |value| {
        let name = rules::text(3, 50).read(value)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if name.bytes().all(allowed) {
            Ok(name)
        } else {
            let message = "may contain letters without accents, digits, `_`, `.` and `-` only";
            Err(Violation::new("characters", message))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::input::read;

    #[test]
    fn a_registration_is_read_with_its_address_in_lower_case() {
        let document =
            json!({"username": "Ada_1", "email": "Ada@Example.org", "password": "12345678"});
        let registration: Registration = read(document).unwrap();
        assert_eq!(registration.username, "Ada_1");
        assert_eq!(registration.email, "ada@example.org");
    }

    #[test]
    fn every_invalid_field_is_named() {
        let document = json!({"username": "a b c", "email": 7});
        let problem = format!("{:?}", read::<Registration>(document).unwrap_err());
        for expected in ["/username", "/email", "/password"] {
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn a_password_must_not_contain_nul() {
        let password = json!({"username": "ada", "password": "abc\0defghi"});
        let problem = format!("{:?}", read::<Login>(password).unwrap_err());
        assert!(problem.contains("/password"), "{problem}");
    }

    #[test]
    fn names_outside_the_alphabet_are_rejected() {
        for name in ["ab", "ädä", "a/b", "a b", &"x".repeat(51)] {
            assert!(username().read(json!(name)).is_err(), "{name}");
        }
    }
}
