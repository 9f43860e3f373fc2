//! The issuer, the audiences and the lifetime of access tokens.

use std::time::Duration;

use adapter_settings::{DAY, SECOND, Time};
use serde::{Deserialize, Serialize};

use super::super::errors::SettingError;

/// One day. With a longer lifetime, a leaked token without a session would be a risk, because it
/// cannot be revoked. Ended sessions are kept for a little longer than this.
type Lifetime = Time<SECOND, DAY>;

/// The issuer, the audiences and the lifetime of tokens.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct TokenSettings {
    /// `iss` of the tokens that are issued, and the only one that is accepted.
    #[serde(deserialize_with = "name")]
    pub issuer: String,
    /// `aud` of the tokens that are issued: the components that accept them, and other systems that verify
    /// them with the public keys. `*` is every component that may verify tokens. A component accepts the
    /// tokens that name it, and can use them at the other components that they name.
    #[serde(deserialize_with = "names")]
    pub audiences: Vec<String>,
    /// Time from issue to expiry, counted in whole seconds. A stolen token works for this time, and
    /// a client needs a new token after it.
    #[serde(with = "Lifetime")]
    pub lifetime: Duration,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            issuer: "spindle".to_owned(),
            audiences: vec![EVERY_VERIFIER.to_owned()],
            lifetime: Duration::from_secs(15 * 60),
        }
    }
}

impl TokenSettings {
    /// The lifetime in seconds, if all is within its limits.
    pub(super) fn check(&self) -> Result<u32, SettingError> {
        let error = |name, expected: &str, found: String| SettingError {
            name,
            expected: expected.to_owned(),
            found,
        };
        if !is_name(&self.issuer) {
            return Err(error("issuer", NAME, self.issuer.clone()));
        }
        if !are_names(&self.audiences) {
            return Err(error("audiences", NAMES, self.audiences.join(", ")));
        }
        SettingError::check("lifetime", Lifetime::check(&self.lifetime))?;
        Ok(u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX))
    }
}

/// In `audiences`, every component that may verify tokens.
pub const EVERY_VERIFIER: &str = "*";

/// The most bytes of all audiences together. A token contains them, and a token is sent with each request.
const MAX_AUDIENCES_BYTES: usize = 3_000;

const NAMES: &str = "a list of names, of at most 3,000 bytes together";

fn are_names(names: &[String]) -> bool {
    names.iter().all(|name| is_name(name))
        && names.iter().map(String::len).sum::<usize>() <= MAX_AUDIENCES_BYTES
}

fn names<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let error = || serde::de::Error::custom(format!("expected {NAMES}"));
    let names = Vec::<String>::deserialize(deserializer).map_err(|_| error())?;
    if are_names(&names) {
        Ok(names)
    } else {
        Err(error())
    }
}

/// What an issuer is, in words.
const NAME: &str = "a text of 1 to 200 visible characters without spaces";

fn is_name(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    adapter_settings::from_text(deserializer, NAME, |text| {
        is_name(text).then(|| text.to_owned())
    })
}
