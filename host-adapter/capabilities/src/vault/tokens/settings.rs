//! The issuer, the audience and the lifetime of access tokens.

use std::time::Duration;

use adapter_settings::{DAY, SECOND, Time};
use serde::{Deserialize, Serialize};

use super::super::errors::SettingError;

/// One day. With a longer lifetime, a leaked token without a session would be a risk, because it
/// cannot be revoked. Ended sessions are kept for a little longer than this.
type Lifetime = Time<SECOND, DAY>;

/// The issuer, the audience and the lifetime of tokens.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct TokenSettings {
    /// `iss` of the tokens that are issued, and the only one that is accepted.
    #[serde(deserialize_with = "name")]
    pub issuer: String,
    /// `aud` of the tokens that are issued, and the only one that is accepted.
    #[serde(deserialize_with = "name")]
    pub audience: String,
    /// Time from issue to expiry, counted in whole seconds. A stolen token works for this time, and
    /// a client needs a new token after it.
    #[serde(with = "Lifetime")]
    pub lifetime: Duration,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            issuer: "spindle".to_owned(),
            audience: "spindle".to_owned(),
            lifetime: Duration::from_secs(15 * 60),
        }
    }
}

impl TokenSettings {
    /// The lifetime in seconds, if all is within its limits.
    pub(super) fn check(&self) -> Result<u32, SettingError> {
        for (name, value) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if !is_name(value) {
                return Err(SettingError {
                    name,
                    expected: NAME.to_owned(),
                    found: value.clone(),
                });
            }
        }
        SettingError::check("lifetime", Lifetime::check(&self.lifetime))?;
        Ok(u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX))
    }
}

/// What an issuer or an audience is, in words.
const NAME: &str = "a text of 1 to 200 visible characters without spaces";

fn is_name(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    adapter_settings::from_text(deserializer, NAME, |text| {
        is_name(text).then(|| text.to_owned())
    })
}
