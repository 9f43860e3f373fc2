//! Variables of the application manifest that all services understand.

use spin_sdk::variables::{self, Error};

/// Settings of an instance.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `production`: whether *required* routes refuse plain bodies. Only `false` turns it off, so
    /// that a missing or misspelt value is the safe one.
    pub(crate) production: bool,
    /// `cors_origins`: origins separated by commas, `*` for any, empty for none.
    pub(crate) cors_origins: String,
}

impl Settings {
    pub(crate) async fn read() -> Self {
        Self {
            production: is_production(&read("production").await),
            cors_origins: read("cors_origins").await,
        }
    }
}

/// `log_level`: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`. Read apart from the others, so
/// that the logger is there when one of them cannot be read.
pub(crate) async fn log_level() -> String {
    read("log_level").await
}

fn is_production(value: &str) -> bool {
    !value.trim().eq_ignore_ascii_case("false")
}

/// A variable's value; empty, which stands for the default, when the manifest has none.
async fn read(name: &str) -> String {
    match variables::get(name).await {
        Ok(value) => value,
        Err(Error::Undefined(_)) => String::new(),
        Err(error) => {
            tracing::error!(variable = name, %error, "reading a variable failed, its default is used");
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_false_turns_production_off() {
        assert!(!is_production("false"));
        assert!(!is_production(" False "));
        for value in ["", "true", "0", "no", "fasle"] {
            assert!(is_production(value), "{value}");
        }
    }
}
