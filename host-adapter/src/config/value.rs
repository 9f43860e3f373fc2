//! The kinds of value that a setting can have, and how each is written in TOML and in a variable.
//!
//! Hand-written instead of serde, because every setting can come from three places, and a mistake
//! in any of them is reported with its place, its key and what was expected, all in one go.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::quantity::{self, DURATION_UNITS, SIZE_UNITS};

/// Something that a setting can be.
pub(super) trait Value: Sized {
    /// What is expected, as it stands in an error.
    const KIND: &'static str;
    /// Whether TOML needs quotes around it.
    const QUOTED: bool = true;
    /// Whether an error may repeat what was given. Not for what people put passwords into.
    const REPEATABLE: bool = true;

    /// Read it from the file.
    fn from_toml(value: &toml::Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }
    /// Read it from a variable.
    fn from_text(text: &str) -> Option<Self>;
    /// As a person would write it.
    fn show(&self) -> String;
    /// As it stands in the file.
    fn to_toml(&self) -> String {
        if Self::QUOTED {
            toml::Value::String(self.show()).to_string()
        } else {
            self.show()
        }
    }
}

impl Value for bool {
    const KIND: &'static str = "`true` or `false`";
    const QUOTED: bool = false;

    fn from_toml(value: &toml::Value) -> Option<Self> {
        value.as_bool()
    }
    fn from_text(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        }
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u32 {
    const KIND: &'static str = "an integer";
    const QUOTED: bool = false;

    fn from_toml(value: &toml::Value) -> Option<Self> {
        value
            .as_integer()
            .and_then(|integer| integer.try_into().ok())
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    const KIND: &'static str = "a duration";

    fn from_text(text: &str) -> Option<Self> {
        quantity::parse(text, DURATION_UNITS).map(Self::from_millis)
    }
    fn show(&self) -> String {
        let milliseconds = self.as_millis().try_into().unwrap_or(u64::MAX);
        quantity::show(milliseconds, DURATION_UNITS)
    }
}

/// An amount of memory in bytes.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Size(pub(super) usize);

impl Value for Size {
    const KIND: &'static str = "a size";

    fn from_toml(value: &toml::Value) -> Option<Self> {
        match value {
            toml::Value::Integer(bytes) => usize::try_from(*bytes).ok().map(Self),
            other => other.as_str().and_then(Self::from_text),
        }
    }
    fn from_text(text: &str) -> Option<Self> {
        let bytes = quantity::parse(text, SIZE_UNITS)?;
        usize::try_from(bytes).ok().map(Self)
    }
    fn show(&self) -> String {
        quantity::show(self.0.try_into().unwrap_or(u64::MAX), SIZE_UNITS)
    }
}

impl Value for String {
    const KIND: &'static str = "a text";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for Vec<String> {
    const KIND: &'static str = "a list of names";
    const QUOTED: bool = false;

    fn from_toml(value: &toml::Value) -> Option<Self> {
        let items = value.as_array()?.iter();
        items.map(|item| item.as_str().map(str::to_owned)).collect()
    }
    fn from_text(text: &str) -> Option<Self> {
        let names = text.split(',').map(str::trim);
        Some(
            names
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }
    fn show(&self) -> String {
        let names: Vec<String> = self.iter().map(Value::to_toml).collect();
        format!("[{}]", names.join(", "))
    }
}

impl Value for SocketAddr {
    const KIND: &'static str = "an IP address and port such as `127.0.0.1:3000`";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for PathBuf {
    const KIND: &'static str = "a path";

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }
    fn show(&self) -> String {
        self.display().to_string()
    }
}

/// Scheme, host and port of an HTTP server, and a path before every request's, without a slash at
/// the end.
#[derive(Clone)]
pub(super) struct HttpUrl(pub(super) String);

impl Value for HttpUrl {
    const KIND: &'static str =
        "a URL such as `http://10.0.0.7:8001`, without user, password, query or fragment";
    const REPEATABLE: bool = false;

    fn from_text(text: &str) -> Option<Self> {
        let uri: http::Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        // The parser lets any text through as a port.
        let port = authority.as_str().strip_prefix(authority.host())?;
        let acceptable = matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.host().is_empty()
            && (port.is_empty() || authority.port_u16().is_some_and(|port| port != 0))
            && !text.contains(['@', '?', '#']);
        acceptable.then(|| Self(text.trim_end_matches('/').to_owned()))
    }
    fn show(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_quotes_is_not_a_number() {
        assert_eq!(u32::from_toml(&toml::Value::String("16".into())), None);
        assert_eq!(u32::from_toml(&toml::Value::Integer(-1)), None);
        assert_eq!(Duration::from_toml(&toml::Value::Integer(5)), None);
        assert_eq!(u32::from_toml(&toml::Value::Integer(16)), Some(16));
    }

    #[test]
    fn lists_are_separated_by_commas_in_variables() {
        assert_eq!(
            Vec::from_text("user, analytics,").unwrap(),
            ["user", "analytics"]
        );
        assert_eq!(
            vec!["a".to_owned(), "b".to_owned()].to_toml(),
            r#"["a", "b"]"#
        );
    }

    #[test]
    fn peer_urls_are_plain_http_without_credentials() {
        for refused in [
            "10.0.0.7:8001",
            "ftp://host",
            "http://",
            "http://:8001",
            "http://host:port",
            "http://host:70000",
            "http://host name",
            "http://user:password@host",
            "http://host/?query",
        ] {
            assert!(HttpUrl::from_text(refused).is_none(), "{refused}");
        }
        assert_eq!(
            HttpUrl::from_text("https://host/base/").unwrap().0,
            "https://host/base"
        );
    }
}
