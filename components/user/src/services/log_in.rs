//! From a name and a password to an access token.
//!
//! An unknown name costs as much time as a wrong password and gets the same answer, so that nobody
//! can find out which accounts exist.

use service_kit::Result;
use service_kit::adapter::passwords::{self, Verdict};
use service_kit::adapter::postgres::{self, Statement, Value};
use service_kit::adapter::tokens;
use service_kit::problem::{Kind, Problem};
use service_kit::rows::Columns;

use super::user_event;
use crate::schemas::{AccessToken, Login};

const FIND: &str =
    "select id, password_hash, is_active from users where lower(username) = lower($1)";

const NOTE_LOGIN: &str = "update users set last_login_at = now() where id = $1";

/// Only as long as the password is still the one that was checked.
const STORE_HASH: &str = "update users set password_hash = $3 where id = $1 and password_hash = $2";

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

/// Check the password, issue a token, and note the login together with the event about it.
pub(crate) async fn log_in(login: Login) -> Result<AccessToken> {
    let Login { username, password } = login;
    let account = find(username).await?;
    let hash = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    let verdict = passwords::verify(password.clone(), hash).await?;
    let Some(account) = account.filter(|_| verdict != Verdict::Mismatch) else {
        tracing::warn!("refused a login: wrong name or password");
        return Err(Problem::of(&INVALID_CREDENTIALS));
    };
    if !account.is_active {
        tracing::warn!(
            user_id = account.id,
            "refused a login: the account is inactive"
        );
        return Err(Problem::of(&ACCOUNT_INACTIVE));
    }
    let token = tokens::issue(account.id.clone(), None).await?;
    let mut statements = vec![statement(NOTE_LOGIN, vec![Value::Uuid(account.id.clone())])];
    if verdict == Verdict::Outdated {
        statements.extend(rehash(&account, password).await);
    }
    let event = user_event("user_login", &account.id);
    postgres::transact(statements, vec![event]).await?;
    tracing::info!(user_id = account.id, "logged a user in");
    Ok(AccessToken {
        access_token: token.token,
        token_type: "bearer",
        expires_in: token.expires_in,
    })
}

async fn find(username: String) -> Result<Option<Account>> {
    let rows = postgres::fetch(FIND.to_owned(), vec![Value::Text(username)]).await?;
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    let mut columns = Columns::from(row);
    Ok(Some(Account {
        id: columns.next()?,
        password_hash: columns.next()?,
        is_active: columns.next()?,
    }))
}

/// A login must not fail because a better hash could not be made: the next one will make it.
async fn rehash(account: &Account, password: String) -> Option<Statement> {
    match passwords::hash(password).await {
        Ok(hash) => Some(statement(
            STORE_HASH,
            vec![
                Value::Uuid(account.id.clone()),
                Value::Text(account.password_hash.clone()),
                Value::Text(hash),
            ],
        )),
        Err(error) => {
            let reason = Problem::from(error);
            tracing::warn!(user_id = account.id, "kept an outdated hash: {reason}");
            None
        }
    }
}

fn statement(sql: &str, params: Vec<Value>) -> Statement {
    let sql = sql.to_owned();
    Statement { sql, params }
}
