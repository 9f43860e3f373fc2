//! Changes the password of a user who knows the old one.
//!
//! A user may change the password because another person knows it, so that person must not stay
//! logged in. The other sessions end before the password changes. Sessions that began in the meantime
//! end after the change. A login with the old password that is still in progress fails, because its
//! transaction requires the hash that it checked.

use service_kit::Client;
use service_kit::adapter::passwords::{self, Verdict};
use service_kit::sql::{self, Transaction, sql};

use super::check_new_password::check_new_password;
use super::end_other_sessions::end_other_sessions;
use super::login_attempts::Attempt;
use super::record_activity::{activity_message, record_later};
use crate::current_user::CurrentUser;
use crate::error::{Error, Result};
use crate::schemas::{
    NewActivity, PASSWORD_CHANGE_FAILED, PASSWORD_CHANGED, PasswordChange, PasswordChanged,
};

/// Changes the password, and ends every session except that of the request. Returns a warning for
/// each part that failed.
pub(crate) async fn change_password(
    user: CurrentUser,
    change: PasswordChange,
    client: Client,
) -> Result<(PasswordChanged, Vec<&'static str>)> {
    let (user_id, session) = (user.user_id, user.session_id);
    let activity = |action| NewActivity::now(action, user_id, session, &client);
    let (checked, username, email): (String, String, String) =
        sql("select password_hash, username, email from users where id = $1")
            .bind(user_id)
            .fetch_optional()
            .await?
            .ok_or(Error::UserGone)?;
    check_new_password("new_password", &change.new_password, &username, &email).await?;
    let address = client.address.clone();
    let attempt = Attempt::in_session(user_id).await?;
    let current = change.current_password;
    let verdict = match passwords::verify(current, Some(checked.clone()), address.clone()).await {
        Ok(verdict) => verdict,
        Err(error) => {
            attempt.abandon().await;
            return Err(error.into());
        }
    };
    if verdict == Verdict::Mismatch {
        tracing::warn!(%user_id, "rejected a change of password: the current one is wrong");
        record_later(activity(PASSWORD_CHANGE_FAILED));
        return Err(Error::WrongPassword);
    }
    let hash = passwords::hash(change.new_password, address).await?;
    let before = end_other_sessions(user_id, session).await?;
    let store = sql("update users set password_hash = $3 where id = $1 and password_hash = $2");
    Transaction::new()
        .execute(store.bind(user_id).bind(checked).bind(hash))
        .expect_rows(1)
        .execute(attempt.succeeded())
        .send(activity_message(&activity(PASSWORD_CHANGED))?)
        .commit()
        .await
        .map_err(changed_meanwhile)?;
    tracing::info!(%user_id, "changed a password");
    let (after, warnings) = match end_other_sessions(user_id, session).await {
        Ok(ended) => (ended, Vec::new()),
        Err(error) => {
            tracing::error!(
                %user_id,
                "could not end the sessions that began while the password changed, \
                 so they may still be active: {error:?}"
            );
            let warning = "Sessions that began while the password changed may still be active.";
            (0, vec![warning])
        }
    };
    let ended_sessions = before + after;
    Ok((PasswordChanged { ended_sessions }, warnings))
}

fn changed_meanwhile(error: sql::Error) -> Error {
    match error {
        sql::Error::UnexpectedRows { .. } => Error::PasswordChangedMeanwhile,
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_of_no_row_means_another_change() {
        let (statement, affected) = (0, 0);
        let missed = sql::Error::UnexpectedRows {
            statement,
            affected,
        };
        assert_eq!(changed_meanwhile(missed), Error::PasswordChangedMeanwhile);
        let other = sql::Error::ConstraintViolation("users_pkey".to_owned());
        assert!(matches!(changed_meanwhile(other), Error::Failure(_)));
    }
}
