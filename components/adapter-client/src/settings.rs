//! Variables of the application manifest.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use spin_sdk::variables;

use crate::failure::Failure;

/// Longer than any of the adapter's own limits for one call lets it take (a connection and a
/// statement: 7 s), shorter than the 15 s that a request to a service may take in all.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// Where the adapter is, and who calls it.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Scheme, host and port, such as `http://127.0.0.1:9000`, without a slash at the end.
    pub(crate) url: String,
    /// `authorization` of every call; none where a client certificate says who calls.
    pub(crate) authorization: Option<String>,
    /// For one call, from its first byte to its answer's last.
    pub(crate) deadline: Duration,
}

thread_local! {
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
}

/// The settings of this instance, read at its first call: each variable costs a call to the host.
pub(crate) async fn settings() -> Result<Rc<Settings>, Failure> {
    if let Some(settings) = SETTINGS.with(|cell| cell.get().cloned()) {
        return Ok(settings);
    }
    let settings = Rc::new(Settings::read().await?);
    Ok(SETTINGS.with(|cell| cell.get_or_init(|| settings).clone()))
}

impl Settings {
    async fn read() -> Result<Self, Failure> {
        let url = variable("adapter_url").await?;
        let token = variable("adapter_token").await?;
        let deadline = variable("adapter_deadline_ms").await?;
        if url.is_empty() {
            return Err(unset("adapter_url"));
        }
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            authorization: (!token.is_empty()).then(|| format!("Bearer {token}")),
            deadline: parse_deadline(&deadline)?,
        })
    }
}

/// A variable's value, empty if the manifest does not give it to the component.
async fn variable(name: &str) -> Result<String, Failure> {
    match variables::get(name).await {
        Ok(value) => Ok(value.trim().to_owned()),
        Err(variables::Error::Undefined(_)) => Ok(String::new()),
        Err(error) => Err(Failure::Unavailable(format!(
            "the variable `{name}` cannot be read: {error}"
        ))),
    }
}

fn parse_deadline(text: &str) -> Result<Duration, Failure> {
    if text.is_empty() {
        return Ok(DEFAULT_DEADLINE);
    }
    match text.parse::<u32>() {
        Ok(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds.into())),
        _ => Err(Failure::Unavailable(format!(
            "the variable `adapter_deadline_ms` must be a number of milliseconds, got `{text}`"
        ))),
    }
}

fn unset(name: &str) -> Failure {
    Failure::Unavailable(format!("the component has no variable `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_milliseconds_and_has_a_default() {
        assert_eq!(parse_deadline("250").unwrap(), Duration::from_millis(250));
        assert_eq!(parse_deadline("").unwrap(), DEFAULT_DEADLINE);
        for wrong in ["0", "10s", "-1"] {
            assert!(parse_deadline(wrong).is_err(), "{wrong}");
        }
    }
}
