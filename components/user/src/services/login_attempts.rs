//! Makes guessing passwords slow.
//!
//! After some failures each further one delays the next attempt, by 1 s at first and then by twice the time
//! before, up to a minute. An attempt counts as a failure when it begins, so that many at once are not free.
//! A delayed attempt is rejected without a look at the password, and does not count.
//!
//! Failures count by the name that was tried, so that names without an account behave the same. An
//! attacker can keep a name delayed. So attempts count apart from a network that has logged in to the account
//! before, and a session does not depend on any of this.

use service_kit::adapter::passwords;
use service_kit::sql::{Sql, sql};
use service_kit::{Client, background};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Failures without a delay. A person who knows several passwords tries a few.
const FREE_FAILURES: i32 = 5;

/// The longest delay, in seconds. It also bounds what others can do to a person who logs in from a new
/// network.
const MAX_DELAY: i32 = 60;

/// The delay follows from the failures before this one. A delay that ends later than the longest one is of a time at
/// which PostgreSQL's clock was ahead, and is over.
const BEGIN: &str = "insert into login_attempts as known (counter, failures, forget_at) \
     values ($1, 1, now() + interval '1 hour') \
     on conflict (counter) do update set \
         failures = case when known.forget_at < now() then 1 else least(known.failures, 1000) + 1 end, \
         retry_at = case when known.forget_at >= now() and known.failures >= $2::int then \
             clock_timestamp() + make_interval(secs => \
                 least($3::int, power(2, least(known.failures - $2::int, 10)))) end, \
         forget_at = now() + interval '1 hour' \
     where known.retry_at is null or known.retry_at <= clock_timestamp() \
         or known.retry_at > clock_timestamp() + make_interval(secs => $3::int)";

const DELAY: &str = "select ceil(extract(epoch from retry_at - clock_timestamp()))::int8 \
     from login_attempts where counter = $1";

const TAKE_BACK: &str = "update login_attempts \
     set failures = greatest(failures - 1, 0), retry_at = null where counter = $1";

/// Removes more rows than an attempt adds.
const FORGET: &str = "delete from login_attempts where counter in \
     (select counter from login_attempts where forget_at < now() limit 10 for update skip locked)";

/// Forgets all but the latest 16 networks of the user.
const REMEMBER_NETWORK: &str = "with old as (delete from login_networks where user_id = $1 and network in \
         (select network from login_networks where user_id = $1 and network <> $2 \
          order by used_at desc offset 15)) \
     insert into login_networks (user_id, network) values ($1, $2) \
     on conflict (user_id, network) do update set used_at = now()";

/// An attempt to give the password of an account. It counts as a failure until it succeeds.
#[derive(Debug)]
pub(super) struct Attempt {
    counter: String,
    /// Whether only the user's own failures count, so that a success makes up for all of them.
    own: bool,
}

/// Counts a login or a registration against the limit of its address.
pub(super) async fn admit(client: &Client) -> Result<()> {
    let admitted = passwords::admit(client.address.clone()).await;
    admitted.map_err(|error| match error {
        passwords::Error::TooManyAttempts(seconds) => {
            tracing::warn!("rejected an attempt: there were too many from this address");
            Error::TooManyAttempts(seconds)
        }
        other => other.into(),
    })
}

impl Attempt {
    /// Begins a login to an account from a network that has logged in to it before.
    pub(super) async fn from_known_network(user_id: Uuid, network: &str) -> Result<Self> {
        Self::begin(format!("{user_id} {network}"), true).await
    }

    /// Begins a login from any other network, or with a name that has no account.
    pub(super) async fn with_name(name: &str) -> Result<Self> {
        Self::begin(format!("name {}", number(name)), false).await
    }

    /// Begins a check of the password of a user who has a session. Clients without a session cannot delay it.
    pub(super) async fn in_session(user_id: Uuid) -> Result<Self> {
        Self::begin(format!("{user_id} session"), true).await
    }

    async fn begin(counter: String, own: bool) -> Result<Self> {
        let begin = sql(BEGIN).bind(&counter);
        let begin = begin.bind(FREE_FAILURES).bind(MAX_DELAY);
        if begin.execute().await? > 0 {
            return Ok(Self { counter, own });
        }
        tracing::warn!("rejected an attempt: it came before the end of its delay");
        let delay: Option<(Option<i64>,)> = sql(DELAY).bind(counter).fetch_optional().await?;
        let seconds = delay.and_then(|(seconds,)| seconds).unwrap_or(1);
        let seconds = seconds.clamp(1, MAX_DELAY.into());
        Err(Error::TooManyAttempts(u32::try_from(seconds).unwrap_or(1)))
    }

    /// A statement for the transaction of a success.
    pub(super) fn succeeded(self) -> Sql {
        if self.own {
            sql("delete from login_attempts where counter = $1").bind(self.counter)
        } else {
            sql(TAKE_BACK).bind(self.counter)
        }
    }

    /// Takes the attempt back, because no password was checked. A failure to do so is logged only: the
    /// attempt has failed already.
    pub(super) async fn abandon(self) {
        if let Err(error) = sql(TAKE_BACK).bind(self.counter).execute().await {
            tracing::warn!("counted an attempt that was not made: {error}");
        }
    }
}

/// A statement for the transaction of a login: from now on, attempts from this network count apart.
pub(super) fn remember_network(user_id: Uuid, network: String) -> Sql {
    sql(REMEMBER_NETWORK).bind(user_id).bind(network)
}

/// Removes some failures that are forgotten. The answer does not wait for it.
pub(super) fn remove_old_failures() {
    background(async {
        if let Err(error) = sql(FORGET).execute().await {
            tracing::warn!("did not remove old failures of logins: {error}");
        }
    });
}

/// 20 bits of the FNV-1a hash of a name. Two names with one number delay each other.
fn number(name: &str) -> u32 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    });
    // Folding uses all bits of the hash.
    (hash >> 20) ^ (hash & 0xf_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_the_same_share_a_number() {
        assert_eq!(number("Ada"), number("aDA"));
        assert_ne!(number("ada"), number("eve"));
        for name in ["", "ada", &"x".repeat(50)] {
            assert!(number(name) < 1 << 20, "{name}");
        }
    }
}
