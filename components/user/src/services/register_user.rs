//! A new user.

use service_kit::adapter::passwords;
use service_kit::adapter::postgres::{self, Error, Statement, Value};
use service_kit::problem::{Kind, Problem};
use service_kit::{Client, Result};
use uuid::Uuid;

use super::record_activity::message;
use super::user_event;
use crate::schemas::{NewActivity, REGISTERED, Registered, Registration};

const INSERT: &str =
    "insert into users (id, username, email, password_hash) values ($1, $2, $3, $4)";

const USERNAME_TAKEN: Kind = Kind {
    status: 409,
    name: "username-taken",
    title: "Username taken",
    detail: "There is a user of this name already. Upper and lower case make no difference.",
};

const EMAIL_TAKEN: Kind = Kind {
    status: 409,
    name: "email-taken",
    title: "E-mail address taken",
    detail: "There is a user with this e-mail address already.",
};

/// Store the user, the event about it and the activity, or nothing.
pub(crate) async fn register_user(
    registration: Registration,
    client: Client,
) -> Result<Registered> {
    let Registration {
        username,
        email,
        password,
    } = registration;
    let password_hash = passwords::hash(password).await?;
    let user_id = Uuid::now_v7().to_string();
    let insert = Statement {
        sql: INSERT.to_owned(),
        params: vec![
            Value::Uuid(user_id.clone()),
            Value::Text(username.clone()),
            Value::Text(email),
            Value::Text(password_hash),
        ],
        expected_rows: None,
    };
    let event = user_event("user_registered", &user_id);
    let activity = NewActivity::now(REGISTERED, &user_id, None, &client);
    postgres::transact(vec![insert], vec![event, message(&activity)])
        .await
        .map_err(taken)?;
    tracing::info!(user_id, "registered a user");
    Ok(Registered { user_id, username })
}

/// The constraints decide, not a query before: only they hold when two register at once.
fn taken(error: Error) -> Problem {
    match error {
        Error::ConstraintViolation(name) if name == "users_username_key" => {
            Problem::of(&USERNAME_TAKEN)
        }
        Error::ConstraintViolation(name) if name == "users_email_key" => Problem::of(&EMAIL_TAKEN),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(constraint: &str) -> &'static str {
        taken(Error::ConstraintViolation(constraint.to_owned()))
            .kind()
            .name
    }

    #[test]
    fn the_violated_constraint_tells_what_is_taken() {
        assert_eq!(name("users_username_key"), "username-taken");
        assert_eq!(name("users_email_key"), "email-taken");
        assert_eq!(name("users_pkey"), "internal");
    }
}
