//! How long the caller of a request waits, if it says so.
//!
//! The header is `grpc-timeout` of gRPC over HTTP/2: up to 8 digits and a unit. `dispatch` sends it. A request
//! whose caller has gone is not worked on. The header can only shorten `host.request_timeout`.

use std::time::Duration;

use http::HeaderMap;

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// Digits of the number, as gRPC limits them.
const MAX_DIGITS: usize = 8;

/// Reads the time from now on. A header that is not valid is ignored.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    parse(headers.get(GRPC_TIMEOUT)?.to_str().ok()?)
}

fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !(1..=MAX_DIGITS).contains(&number.len()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 60 * 60),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_unit_are_read() {
        for (text, expected) in [
            ("1H", Duration::from_secs(3_600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("4000m", Duration::from_secs(4)),
            ("5u", Duration::from_micros(5)),
            ("99999999n", Duration::from_nanos(99_999_999)),
            ("0m", Duration::ZERO),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_ignored() {
        for text in [
            "",
            "m",
            "1",
            "1s",
            "-1m",
            "+1m",
            "1.5S",
            "100000000m",
            " 1m",
            "é",
            "1é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
