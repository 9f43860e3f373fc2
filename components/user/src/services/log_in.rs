//! Logs a user in: checks the password, and begins a session with an access token.
//!
//! An unknown name takes as much time as a wrong password and gets the same answer, so that a client
//! cannot find out which accounts exist.

use service_kit::adapter::passwords::{self, Verdict};
use service_kit::adapter::tokens;
use service_kit::sql::{self, FromRow, Sql, Transaction, sql};
use service_kit::{Client, event};
use uuid::Uuid;

use super::record_activity::{activity_message, record_later};
use crate::error::{Error, Result};
use crate::schemas::{AccessToken, LOGGED_IN, LOGIN_FAILED, Login, NewActivity};

#[derive(FromRow)]
struct Account {
    id: Uuid,
    password_hash: String,
    is_active: bool,
}

/// Checks the password, issues a token, and begins its session. The event about the login and the
/// activity are part of the same transaction.
pub(crate) async fn log_in(login: Login, client: Client) -> Result<AccessToken> {
    let (account, better_hash) = check(login, &client).await?;
    let (user_id, session_id) = (account.id, Uuid::now_v7());
    let token = tokens::issue(user_id.to_string(), Some(session_id.to_string())).await?;
    let activity = NewActivity::now(LOGGED_IN, user_id, Some(session_id), &client);
    Transaction::new()
        .execute(note_login(account, better_hash))
        .expect_rows(1)
        .execute(begin_session(session_id, user_id, token.expires_in, client))
        .send(event::user_action("user_login", user_id)?)
        .send(activity_message(&activity)?)
        .commit()
        .await
        .map_err(changed_meanwhile)?;
    tracing::info!(%user_id, %session_id, "logged a user in");
    Ok(AccessToken {
        access_token: token.token,
        token_type: "bearer",
        expires_in: token.expires_in,
    })
}

/// Returns the account that name and password belong to, if it may log in. If the stored hash is
/// outdated, it also returns a better hash of the password.
async fn check(login: Login, client: &Client) -> Result<(Account, Option<String>)> {
    let Login { username, password } = login;
    let account: Option<Account> =
        sql("select id, password_hash, is_active from users where lower(username) = lower($1)")
            .bind(username)
            .fetch_optional()
            .await?;
    let hash = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    let verdict = passwords::verify(password.clone(), hash).await?;
    let Some(account) = account else {
        tracing::warn!("rejected a login: wrong name or password");
        return Err(Error::InvalidCredentials);
    };
    let error = if verdict == Verdict::Mismatch {
        tracing::warn!("rejected a login: wrong name or password");
        Error::InvalidCredentials
    } else if !account.is_active {
        tracing::warn!(user_id = %account.id, "rejected a login: the account is inactive");
        Error::AccountInactive
    } else if verdict == Verdict::Outdated {
        let better_hash = hash_again(account.id, password).await;
        return Ok((account, better_hash));
    } else {
        return Ok((account, None));
    };
    record_later(NewActivity::now(LOGIN_FAILED, account.id, None, client));
    Err(error)
}

/// Returns `None` if the hash cannot be made, because the login must not fail. The next login tries
/// again.
async fn hash_again(user_id: Uuid, password: String) -> Option<String> {
    passwords::hash(password)
        .await
        .inspect_err(|error| tracing::warn!(%user_id, "kept an outdated hash: {error}"))
        .ok()
}

/// Changes no row if the password or the account changed since the check. Otherwise it also locks
/// the account until the transaction ends.
fn note_login(account: Account, better_hash: Option<String>) -> Sql {
    sql("update users \
         set last_login_at = now(), password_hash = coalesce($3, password_hash) \
         where id = $1 and password_hash = $2 and is_active")
    .bind(account.id)
    .bind(account.password_hash)
    .bind(better_hash)
}

/// Also removes some sessions whose tokens have expired. It removes more than it adds, so the table
/// holds no more sessions than begin within the lifetime of a token.
fn begin_session(session_id: Uuid, user_id: Uuid, expires_in: u32, client: Client) -> Sql {
    sql("with expired as (delete from sessions where id in \
             (select id from sessions where expires_at < now() order by expires_at limit 10 \
              for update skip locked)) \
         insert into sessions (id, user_id, expires_at, user_agent, address) \
         values ($1, $2, now() + make_interval(secs => $3), $4, $5)")
    .bind(session_id)
    .bind(user_id)
    .bind(f64::from(expires_in))
    .bind(client.user_agent)
    .bind(client.address)
}

fn changed_meanwhile(error: sql::Error) -> Error {
    match error {
        sql::Error::UnexpectedRows { .. } => {
            tracing::warn!("rejected a login: the account changed while it was checked");
            Error::InvalidCredentials
        }
        other => other.into(),
    }
}
