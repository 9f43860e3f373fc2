//! A new password for a user who knows the old one.
//!
//! Whoever changes a password may do it because somebody else knows it. So nobody else stays logged
//! in: the other sessions end before the password changes, a login with the old one that is under
//! way then fails (its transaction asks for the hash that it checked), and what came in between ends
//! after it.

use service_kit::adapter::passwords::{self, Verdict};
use service_kit::adapter::postgres::{self, Error, Statement, Value};
use service_kit::problem::{Kind, Problem};
use service_kit::rows::Columns;
use service_kit::{Client, Result};

use super::end_other_sessions::end_other_sessions;
use super::record_activity::{message, record_later};
use crate::current_user::CurrentUser;
use crate::schemas::{
    NewActivity, PASSWORD_CHANGE_FAILED, PASSWORD_CHANGED, PasswordChange, PasswordChanged,
};

const FIND: &str = "select password_hash from users where id = $1";

/// Changes no row if the hash is no longer the one that was checked.
const STORE: &str = "update users set password_hash = $3 where id = $1 and password_hash = $2";

const WRONG_PASSWORD: Kind = Kind {
    status: 403,
    name: "wrong-password",
    title: "Wrong password",
    detail: "The current password is wrong.",
};

const CHANGED_MEANWHILE: Kind = Kind {
    status: 409,
    name: "password-changed-meanwhile",
    title: "Password changed meanwhile",
    detail: "The password was changed by another request at the same time.",
};

/// Change the password, and end every session but the one that asks. The sentences say what could
/// not be done.
pub(crate) async fn change_password(
    user: CurrentUser,
    change: PasswordChange,
    client: Client,
) -> Result<(PasswordChanged, Vec<&'static str>)> {
    let user_id = user.user_id;
    let session = user.session_id.as_deref();
    let activity = |action| NewActivity::now(action, &user_id, session, &client);
    let checked = find(&user_id).await?;
    let verdict = passwords::verify(change.current_password, Some(checked.clone())).await?;
    if verdict == Verdict::Mismatch {
        tracing::warn!(
            user_id,
            "refused to change a password: the current one is wrong"
        );
        record_later(activity(PASSWORD_CHANGE_FAILED));
        return Err(Problem::of(&WRONG_PASSWORD));
    }
    let hash = passwords::hash(change.new_password).await?;
    let before = end_other_sessions(&user_id, session).await?;
    let store = Statement {
        sql: STORE.to_owned(),
        params: vec![
            Value::Uuid(user_id.clone()),
            Value::Text(checked),
            Value::Text(hash),
        ],
        expected_rows: Some(1),
    };
    let changed = message(&activity(PASSWORD_CHANGED));
    postgres::transact(vec![store], vec![changed])
        .await
        .map_err(changed_meanwhile)?;
    tracing::info!(user_id, "changed a password");
    let (after, warnings) = match end_other_sessions(&user_id, session).await {
        Ok(ended) => (ended, Vec::new()),
        Err(problem) => {
            tracing::error!(
                user_id,
                "did not end the sessions begun meanwhile: {problem}"
            );
            let warning = "Sessions that began in the same moment may not have ended.";
            (0, vec![warning])
        }
    };
    let ended_sessions = before + after;
    Ok((PasswordChanged { ended_sessions }, warnings))
}

async fn find(user_id: &str) -> Result<String> {
    let rows = postgres::fetch(FIND.to_owned(), vec![Value::Uuid(user_id.to_owned())]).await?;
    let row = rows.rows.into_iter().next().ok_or_else(CurrentUser::gone)?;
    Columns::from(row).next()
}

fn changed_meanwhile(error: Error) -> Problem {
    match error {
        Error::UnexpectedRows(_) => Problem::of(&CHANGED_MEANWHILE),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::adapter::postgres::RowMismatch;

    #[test]
    fn an_update_of_no_row_means_another_change() {
        let (statement, affected) = (0, 0);
        let mismatch = RowMismatch {
            statement,
            affected,
        };
        let name = |error| changed_meanwhile(error).kind().name;
        assert_eq!(
            name(Error::UnexpectedRows(mismatch)),
            CHANGED_MEANWHILE.name
        );
        assert_eq!(name(Error::Timeout), "unavailable");
    }
}
