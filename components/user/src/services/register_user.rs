//! Registers a user.

use service_kit::adapter::passwords;
use service_kit::sql::{self, Transaction, sql};
use service_kit::{Client, Production, event};
use uuid::Uuid;

use super::check_new_password::check_new_password;
use super::login_attempts::admit;
use super::record_activity::activity_message;
use super::registration_key;
use crate::error::{Error, Result};
use crate::schemas::{NewActivity, REGISTERED, Registered, Registration};

/// Stores the user, the event about it and the activity, or nothing.
///
/// In production an e-mail address that another account has is accepted, because the answer must not tell who
/// has an account. Nothing is sent to the address and it is not a name to log in with, so the other
/// account loses nothing. Names are public, so a taken one is told.
///
/// With an idempotency key, a repetition gets the answer of the first request. The answer is stored in the
/// same transaction.
pub(crate) async fn register_user(
    registration: Registration,
    client: Client,
    Production(shares_email): Production,
    key: Option<&str>,
) -> Result<Registered> {
    admit(&client).await?;
    if let Some(key) = key
        && let Some(registered) = registration_key::find(key, &registration, &client).await?
    {
        return Ok(registered);
    }
    let Registration {
        username,
        email,
        password,
    } = &registration;
    check_new_password("password", password, username, email).await?;
    let password_hash = passwords::hash(password.clone(), client.address.clone()).await?;
    let user_id = Uuid::now_v7();
    let activity = NewActivity::now(REGISTERED, user_id, None, &client);
    let mut transaction = Transaction::new();
    if let Some(key) = key {
        let keep = registration_key::keep(key, user_id, &registration, &password_hash).await;
        transaction = transaction.execute(keep).expect_rows(1);
    }
    let insert = sql(
        "insert into users (id, username, email, password_hash, shares_email) \
         values ($1, $2, $3, $4, $5)",
    )
    .bind(user_id)
    .bind(username)
    .bind(email)
    .bind(password_hash)
    .bind(shares_email);
    let committed = transaction
        .execute(insert)
        .send(event::user_action("user_registered", user_id)?)
        .send(activity_message(&activity)?)
        .commit()
        .await;
    match (committed, key) {
        (Ok(()), _) => {
            tracing::info!(%user_id, "registered a user");
            let username = registration.username;
            Ok(Registered { user_id, username })
        }
        (Err(sql::Error::UnexpectedRows { .. }), Some(key)) => {
            let found = registration_key::find(key, &registration, &client).await?;
            found.ok_or(Error::RequestInProgress)
        }
        (Err(error), _) => Err(taken(error)),
    }
}

/// The constraints detect a duplicate. A query before the insert could not do so if two users register
/// at the same time.
fn taken(error: sql::Error) -> Error {
    match &error {
        sql::Error::ConstraintViolation(name) if name == "users_username_key" => {
            Error::UsernameTaken
        }
        sql::Error::ConstraintViolation(name) if name == "users_email_key" => Error::EmailTaken,
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_violated_constraint_says_what_is_taken() {
        let taken = |name: &str| taken(sql::Error::ConstraintViolation(name.to_owned()));
        assert_eq!(taken("users_username_key"), Error::UsernameTaken);
        assert_eq!(taken("users_email_key"), Error::EmailTaken);
        assert!(matches!(taken("users_pkey"), Error::Failure(_)));
    }
}
