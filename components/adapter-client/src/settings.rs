//! Settings from the variables of the application manifest.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use spin_sdk::variables;

use crate::failure::Failure;

/// Longer than the adapter's own limits allow a call to take (7 s for a connection and a statement).
/// Shorter than the 15 s that a request to a service may take.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// The adapter's address, and the credentials of this component.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where the adapter is.
    pub(crate) address: Address,
    /// The component's token. Empty if a client certificate identifies the component.
    pub(crate) token: String,
    /// Time for one call, from connecting to the answer.
    pub(crate) deadline: Duration,
}

/// Where the adapter is, and how it is called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// `tcp://127.0.0.1:9000`: frames over TCP connections. An IP address, because a component has no DNS.
    Socket(SocketAddr),
    /// `https://adapter.example.org`: scheme, host and port without a trailing slash.
    Web(String),
}

thread_local! {
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
}

/// The settings of this instance. They are read once, because each variable costs a call to the host.
pub(crate) async fn settings() -> Result<Rc<Settings>, Failure> {
    if let Some(settings) = SETTINGS.with(|cell| cell.get().cloned()) {
        return Ok(settings);
    }
    let settings = Rc::new(Settings::read().await?);
    Ok(SETTINGS.with(|cell| cell.get_or_init(|| settings).clone()))
}

impl Settings {
    async fn read() -> Result<Self, Failure> {
        let url = read_variable("adapter_url").await?;
        let token = read_variable("adapter_token").await?;
        let deadline = read_variable("adapter_deadline_ms").await?;
        Ok(Self {
            address: parse_address(&url)?,
            token,
            deadline: parse_deadline(&deadline)?,
        })
    }
}

/// Reads a variable. It is empty if the manifest does not define it for the component.
async fn read_variable(name: &str) -> Result<String, Failure> {
    match variables::get(name).await {
        Ok(value) => Ok(value.trim().to_owned()),
        Err(variables::Error::Undefined(_)) => Ok(String::new()),
        Err(error) => Err(Failure::Unavailable(format!(
            "the variable `{name}` could not be read: {error}"
        ))),
    }
}

fn parse_address(url: &str) -> Result<Address, Failure> {
    if url.is_empty() {
        return Err(missing_variable("adapter_url"));
    }
    let wrong = || {
        Failure::Unavailable(format!(
            "the variable `adapter_url` must be `tcp://` with an IP address and a port, or `https://` with a \
             host, got `{url}`"
        ))
    };
    let url = url.trim_end_matches('/');
    match url.split_once("://") {
        Some(("tcp", address)) => address.parse().map(Address::Socket).map_err(|_| wrong()),
        Some(("http" | "https", _)) => Ok(Address::Web(url.to_owned())),
        _ => Err(wrong()),
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

fn missing_variable(name: &str) -> Failure {
    Failure::Unavailable(format!(
        "the variable `{name}` is not set; add it to the component's `variables` in `spin.toml`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_how_the_adapter_is_called() {
        let socket = |address: &str| Ok(Address::Socket(address.parse().unwrap()));
        let web = |url: &str| Ok(Address::Web(url.to_owned()));
        assert_eq!(
            parse_address("tcp://127.0.0.1:9000/"),
            socket("127.0.0.1:9000")
        );
        assert_eq!(parse_address("tcp://[::1]:9000"), socket("[::1]:9000"));
        assert_eq!(parse_address("https://adapter/"), web("https://adapter"));
        for wrong in [
            "",
            "tcp://localhost:9000",
            "tcp://127.0.0.1",
            "127.0.0.1:9000",
            "ftp://a",
        ] {
            assert!(parse_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn deadline_is_in_milliseconds_with_default() {
        assert_eq!(parse_deadline("250").unwrap(), Duration::from_millis(250));
        assert_eq!(parse_deadline("").unwrap(), DEFAULT_DEADLINE);
        for wrong in ["0", "10s", "-1"] {
            assert!(parse_deadline(wrong).is_err(), "{wrong}");
        }
    }
}
