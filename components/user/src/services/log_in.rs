//! From a name and a password to a session and its access token.
//!
//! An unknown name costs as much time as a wrong password and gets the same answer, so that nobody
//! can find out which accounts exist.

use service_kit::adapter::passwords::{self, Verdict};
use service_kit::adapter::postgres::{self, Error, Statement, Value};
use service_kit::adapter::tokens;
use service_kit::problem::{Kind, Problem};
use service_kit::rows::Columns;
use service_kit::{Client, Result};
use uuid::Uuid;

use super::record_activity::{message, record_later};
use super::user_event;
use crate::schemas::{AccessToken, LOGGED_IN, LOGIN_FAILED, Login, NewActivity};

const FIND: &str =
    "select id, password_hash, is_active from users where lower(username) = lower($1)";

/// Changes no row if the password or the account changed since the check. Otherwise it also locks
/// the account until the transaction ends, and stores a better hash if there is one.
const NOTE_LOGIN: &str = "update users \
     set last_login_at = now(), password_hash = coalesce($3, password_hash) \
     where id = $1 and password_hash = $2 and is_active";

/// Also removes some sessions whose tokens have expired. It removes more than it adds, so the table
/// holds no more sessions than begin within the lifetime of a token.
const BEGIN_SESSION: &str = "with expired as (delete from sessions where id in \
         (select id from sessions where expires_at < now() order by expires_at limit 10 \
          for update skip locked)) \
     insert into sessions (id, user_id, expires_at, user_agent, address) \
     values ($1, $2, now() + make_interval(secs => $3), $4, $5)";

const INVALID_CREDENTIALS: Kind = Kind {
    status: 401,
    name: "invalid-credentials",
    title: "Invalid credentials",
    detail: "The username or the password is wrong.",
};

const ACCOUNT_INACTIVE: Kind = Kind {
    status: 403,
    name: "account-inactive",
    title: "Account inactive",
    detail: "This account may not log in.",
};

struct Account {
    id: String,
    password_hash: String,
    is_active: bool,
}

/// Check the password, issue a token, and begin its session together with the event about the login
/// and the activity.
pub(crate) async fn log_in(login: Login, client: Client) -> Result<AccessToken> {
    let Login { username, password } = login;
    let (account, verdict) = check(username, password.clone(), &client).await?;
    let session_id = Uuid::now_v7().to_string();
    let token = tokens::issue(account.id.clone(), Some(session_id.clone())).await?;
    let better_hash = match verdict {
        Verdict::Outdated => rehash(&account, password).await,
        _ => None,
    };
    let statements = vec![
        note_login(&account, better_hash),
        begin_session(&session_id, &account, token.expires_in, &client),
    ];
    let activity = NewActivity::now(LOGGED_IN, &account.id, Some(&session_id), &client);
    let messages = vec![user_event("user_login", &account.id), message(&activity)];
    postgres::transact(statements, messages)
        .await
        .map_err(changed_meanwhile)?;
    tracing::info!(user_id = account.id, session_id, "logged a user in");
    Ok(AccessToken {
        access_token: token.token,
        token_type: "bearer",
        expires_in: token.expires_in,
    })
}

/// The account that name and password are of, if it may log in.
async fn check(username: String, password: String, client: &Client) -> Result<(Account, Verdict)> {
    let account = find(username).await?;
    let hash = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    let verdict = passwords::verify(password, hash).await?;
    let Some(account) = account else {
        tracing::warn!("refused a login: wrong name or password");
        return Err(Problem::of(&INVALID_CREDENTIALS));
    };
    let refusal = if verdict == Verdict::Mismatch {
        tracing::warn!("refused a login: wrong name or password");
        &INVALID_CREDENTIALS
    } else if !account.is_active {
        let user_id = &account.id;
        tracing::warn!(user_id, "refused a login: the account is inactive");
        &ACCOUNT_INACTIVE
    } else {
        return Ok((account, verdict));
    };
    record_later(NewActivity::now(LOGIN_FAILED, &account.id, None, client));
    Err(Problem::of(refusal))
}

async fn find(username: String) -> Result<Option<Account>> {
    let rows = postgres::fetch(FIND.to_owned(), vec![Value::Text(username)]).await?;
    let Some(row) = rows.rows.into_iter().next() else {
        return Ok(None);
    };
    let mut columns = Columns::from(row);
    Ok(Some(Account {
        id: columns.next()?,
        password_hash: columns.next()?,
        is_active: columns.next()?,
    }))
}

fn note_login(account: &Account, better_hash: Option<String>) -> Statement {
    Statement {
        sql: NOTE_LOGIN.to_owned(),
        params: vec![
            Value::Uuid(account.id.clone()),
            Value::Text(account.password_hash.clone()),
            better_hash.map_or(Value::Null, Value::Text),
        ],
        expected_rows: Some(1),
    }
}

fn begin_session(
    session_id: &str,
    account: &Account,
    expires_in: u32,
    client: &Client,
) -> Statement {
    let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
    Statement {
        sql: BEGIN_SESSION.to_owned(),
        params: vec![
            Value::Uuid(session_id.to_owned()),
            Value::Uuid(account.id.clone()),
            Value::Float64(f64::from(expires_in)),
            text(&client.user_agent),
            text(&client.address),
        ],
        expected_rows: None,
    }
}

/// A login must not fail because a better hash could not be made: the next one will make it.
async fn rehash(account: &Account, password: String) -> Option<String> {
    match passwords::hash(password).await {
        Ok(hash) => Some(hash),
        Err(error) => {
            let reason = Problem::from(error);
            tracing::warn!(user_id = account.id, "kept an outdated hash: {reason}");
            None
        }
    }
}

fn changed_meanwhile(error: Error) -> Problem {
    match error {
        Error::UnexpectedRows(_) => {
            tracing::warn!("refused a login: the account changed while it was checked");
            Problem::of(&INVALID_CREDENTIALS)
        }
        other => other.into(),
    }
}
