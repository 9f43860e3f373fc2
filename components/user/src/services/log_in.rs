//! Logs a user in: checks the password, and begins a session with an access token.
//!
//! An unknown name takes as much time as a wrong password and gets the same answer, so that a client
//! cannot find out which accounts exist.

use service_kit::adapter::passwords::{self, Verdict};
use service_kit::adapter::tokens;
use service_kit::sql::{self, FromRow, Sql, Transaction, sql};
use service_kit::{Client, event};
use uuid::Uuid;

use super::login_attempts::{Attempt, admit, remember_network, remove_old_failures};
use super::record_activity::{activity_message, record_later};
use super::verify_password::verify_password;
use crate::error::{Error, Result};
use crate::schemas::{AccessToken, LOGGED_IN, LOGIN_FAILED, Login, NewActivity};

#[derive(FromRow)]
struct Account {
    id: Uuid,
    password_hash: String,
    is_active: bool,
    /// Whether the network of the request has logged in to the account before.
    is_known_network: bool,
}

/// A login whose password is right.
struct Checked {
    account: Account,
    attempt: Attempt,
    /// A better hash of the password, if the stored one is outdated.
    better_hash: Option<String>,
}

/// Checks the password, issues a token, and begins its session. The event about the login and the
/// activity are part of the same transaction.
pub(crate) async fn log_in(mut login: Login, client: Client) -> Result<AccessToken> {
    admit(&client).await?;
    let audience = login.audience.take();
    let checked = check(login, &client).await?;
    let (user_id, session_id) = (checked.account.id, Uuid::now_v7());
    let token = issue(user_id, session_id, audience).await?;
    let activity = NewActivity::now(LOGGED_IN, user_id, Some(session_id), &client);
    let mut transaction = Transaction::new()
        .execute(note_login(checked.account, checked.better_hash))
        .expect_rows(1)
        .execute(checked.attempt.succeeded());
    if let Some(network) = client.network() {
        transaction = transaction.execute(remember_network(user_id, network));
    }
    transaction
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

/// A token for one audience is worth nothing to the other services, and to who steals it from that one.
async fn issue(user_id: Uuid, session_id: Uuid, audience: Option<String>) -> Result<tokens::Token> {
    let (subject, session) = (user_id.to_string(), Some(session_id.to_string()));
    let Some(audience) = audience else {
        return Ok(tokens::issue(subject, session).await?);
    };
    match tokens::issue_for(subject, session, vec![audience]).await {
        Err(tokens::Error::Invalid) => Err(Error::UnknownAudience),
        issued => Ok(issued?),
    }
}

/// Finds the account that name and password belong to, if it may log in.
async fn check(login: Login, client: &Client) -> Result<Checked> {
    let Login {
        username, password, ..
    } = login;
    let account = find(&username, client).await?;
    let attempt = begin(&username, account.as_ref(), client).await?;
    let hash = account
        .as_ref()
        .map(|account| account.password_hash.as_str());
    let verdict = match verify_password(&password, hash, client.address.as_deref()).await {
        Ok(verdict) => verdict,
        Err(error) => {
            attempt.abandon().await;
            return Err(error);
        }
    };
    let Some(account) = account else {
        tracing::warn!("rejected a login: wrong name or password");
        remove_old_failures();
        return Err(Error::InvalidCredentials);
    };
    let error = if verdict == Verdict::Mismatch {
        tracing::warn!("rejected a login: wrong name or password");
        Error::InvalidCredentials
    } else if !account.is_active {
        tracing::warn!(user_id = %account.id, "rejected a login: the account is inactive");
        Error::AccountInactive
    } else {
        let better_hash = match verdict {
            Verdict::Outdated => hash_again(account.id, password, client).await,
            _ => None,
        };
        return Ok(Checked {
            account,
            attempt,
            better_hash,
        });
    };
    remove_old_failures();
    record_later(NewActivity::now(LOGIN_FAILED, account.id, None, client));
    Err(error)
}

async fn find(username: &str, client: &Client) -> Result<Option<Account>> {
    let account = sql(
        "select id, password_hash, is_active, exists (select from login_networks \
             where user_id = id and network = $2) as is_known_network \
         from users where lower(username) = lower($1)",
    )
    .bind(username)
    .bind(client.network());
    Ok(account.fetch_optional().await?)
}

async fn begin(username: &str, account: Option<&Account>, client: &Client) -> Result<Attempt> {
    match (account, client.network()) {
        (Some(account), Some(network)) if account.is_known_network => {
            Attempt::from_known_network(account.id, &network).await
        }
        _ => Attempt::with_name(username).await,
    }
}

/// Returns `None` if the hash cannot be made, because the login must not fail. The next login tries
/// again.
async fn hash_again(user_id: Uuid, password: String, client: &Client) -> Option<String> {
    passwords::hash(password, client.address.clone())
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
