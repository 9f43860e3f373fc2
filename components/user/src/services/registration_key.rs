//! The answers to registrations that were sent with an idempotency key.

use service_kit::adapter::passwords::{self, Verdict};
use service_kit::sql::{FromRow, Sql, sql};
use service_kit::{Client, idempotency};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::schemas::{Registered, Registration};

#[derive(FromRow)]
struct Kept {
    user_id: Uuid,
    username: String,
    email: String,
    password_hash: String,
}

/// Returns the answer that is kept under `key`, if there is one for the same registration.
///
/// The password is compared by its hash: any other fingerprint of the body would be a faster way to guess it.
pub(super) async fn find(
    key: &str,
    registration: &Registration,
    client: &Client,
) -> Result<Option<Registered>> {
    let kept: Option<Kept> = sql("select user_id, username, email, password_hash \
         from registration_keys where key = $1 and expires_at > now()")
    .bind(key)
    .fetch_optional()
    .await?;
    let Some(kept) = kept else {
        return Ok(None);
    };
    let Registration {
        username,
        email,
        password,
    } = registration;
    let same = kept.username == *username && kept.email == *email;
    let hash = Some(kept.password_hash);
    if !same
        || passwords::verify(password.clone(), hash, client.address.clone()).await?
            == Verdict::Mismatch
    {
        return Err(Error::KeyReused);
    }
    Ok(Some(Registered {
        user_id: kept.user_id,
        username: kept.username,
    }))
}

/// Keeps the answer under `key`. Affects no row if another registration with the key runs at the same time,
/// or has ended; and, once in a thousand times, if one with another key that has the same slot runs. Also
/// removes some expired keys: more than it adds.
pub(super) async fn keep(
    key: &str,
    user_id: Uuid,
    registration: &Registration,
    password_hash: &str,
) -> Sql {
    sql("with own as (select from registration_slots where number = hashtext($1::text) & 1023 \
                 for update skip locked), \
             expired as (delete from registration_keys where key in \
                 (select key from registration_keys where expires_at < now() and key <> $1 \
                  order by expires_at limit 10 for update skip locked)) \
         insert into registration_keys as kept (key, user_id, username, email, password_hash, expires_at) \
         select $1, $2::uuid, $3::text, $4::text, $5::text, now() + make_interval(secs => $6::float8) \
         from own \
         on conflict (key) do update set user_id = excluded.user_id, username = excluded.username, \
             email = excluded.email, password_hash = excluded.password_hash, \
             expires_at = excluded.expires_at where kept.expires_at <= now()")
    .bind(key)
    .bind(user_id)
    .bind(&registration.username)
    .bind(&registration.email)
    .bind(password_hash)
    .bind(idempotency::lifetime().await.as_secs_f64())
}
