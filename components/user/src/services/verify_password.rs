//! Compares a password with that of an account, if there is one, in time that does not tell whether there is.
//!
//! A hash costs what its own parameters say. After they are raised, old accounts keep the old ones until
//! their users log in. So a failure costs one hash for each set of parameters that any account has, with or
//! without an account. A success costs one, because its answer says that there is an account.

use service_kit::adapter::passwords::{self, Error, Verdict};
use service_kit::sql::sql;

use crate::error::Result;

/// One hash for each set of parameters. The operator makes a set by changing the settings, so there are few;
/// the limit bounds the cost of a failure. Each step of the recursion is one look into the index.
const SAMPLES: &str = "with recursive sets as ( \
         (select split_part(password_hash, '$', 4) as parameters from users order by 1 limit 1) \
         union all \
         select (select split_part(password_hash, '$', 4) from users \
             where split_part(password_hash, '$', 4) > sets.parameters order by 1 limit 1) \
         from sets where sets.parameters is not null) \
     select (select password_hash from users \
         where split_part(password_hash, '$', 4) = sets.parameters limit 1) \
     from sets where sets.parameters is not null limit 8";

/// Compares the password with `hash`, which is that of the account, if there is one.
pub(super) async fn verify_password(
    password: &str,
    hash: Option<&str>,
    address: Option<&str>,
) -> Result<Verdict> {
    if let Some(hash) = hash {
        let verdict = verify(password, Some(hash), address).await?;
        if verdict != Verdict::Mismatch {
            return Ok(verdict);
        }
    }
    let samples: Vec<(Option<String>,)> = sql(SAMPLES).fetch_all().await?;
    let samples: Vec<String> = samples.into_iter().filter_map(|(sample,)| sample).collect();
    let own = hash.map(parameters);
    for sample in samples
        .iter()
        .filter(|sample| Some(parameters(sample)) != own)
    {
        // The verdict is about another account, and does not matter.
        verify(password, Some(sample), address).await?;
    }
    if samples.is_empty() {
        verify(password, None, address).await?;
    }
    Ok(Verdict::Mismatch)
}

async fn verify(
    password: &str,
    hash: Option<&str>,
    address: Option<&str>,
) -> Result<Verdict, Error> {
    let (hash, address) = (hash.map(str::to_owned), address.map(str::to_owned));
    passwords::verify(password.to_owned(), hash, address).await
}

/// The part of the PHC text that the index has.
fn parameters(hash: &str) -> &str {
    hash.split('$').nth(3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_those_of_the_index() {
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";
        assert_eq!(parameters(hash), "m=19456,t=2,p=1");
        assert_eq!(parameters("plain"), "");
    }
}
