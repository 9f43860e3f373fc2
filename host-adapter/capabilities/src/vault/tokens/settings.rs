//! What access tokens say of themselves.

use std::time::Duration;

use adapter_settings::{DAY, SECOND, Time};
use serde::{Deserialize, Serialize};

use super::super::errors::SettingError;

/// Above a day a token that leaked and belongs to no session is useful for too long, because it
/// cannot be taken back. Ended sessions are kept for a little longer than this.
type Lifetime = Time<SECOND, DAY>;

/// What tokens say of themselves.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub struct TokenSettings {
    /// `iss` of the tokens that are issued, and the only one that is accepted.
    #[serde(deserialize_with = "name")]
    pub issuer: String,
    /// `aud`, likewise.
    #[serde(deserialize_with = "name")]
    pub audience: String,
    /// Time from issue to expiry, counted in whole seconds. A stolen token is of use for as long, and
    /// a client logs in again as often.
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
