//! How long the caller of a request waits: on the wire, and for what works for the request.
//!
//! The header is `grpc-timeout` of gRPC over HTTP/2 (`PROTOCOL-HTTP2.md`): up to 8 digits and a unit. `dispatch`
//! sends what is left at each call, so the time of a request bounds everything that is done for it, also by peers of
//! peers.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::pin,
    time::{Duration, Instant},
};

/// The header with the time that is left.
pub const HEADER: &str = "grpc-timeout";

/// Digits of the number, as gRPC limits them.
const MAX_DIGITS: usize = 8;

/// The largest number of so many digits.
const MAX_NUMBER: u128 = 99_999_999;

thread_local! {
    static CURRENT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Reads a time from the header. `None` if it is not valid.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
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

/// Returns the header for a time, in milliseconds and at least one.
#[must_use]
pub fn header(time: Duration) -> String {
    format!("{}m", time.as_millis().clamp(1, MAX_NUMBER))
}

/// Runs a future whose caller waits until `deadline`. A task that the future spawns does not have the deadline.
pub async fn scope<F: Future>(deadline: Option<Instant>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(move |context| {
        let _outer = Outer(CURRENT.replace(deadline));
        future.as_mut().poll(context)
    })
    .await
}

/// Sets the deadline of the surrounding code again when it is dropped, also after a panic.
struct Outer(Option<Instant>);

impl Drop for Outer {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// The deadline of the running code, if it has one.
#[must_use]
pub fn current() -> Option<Instant> {
    CURRENT.get()
}

/// The time until the deadline of the running code, if it has one. Zero if it has passed.
#[must_use]
pub fn left() -> Option<Duration> {
    current().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

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

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let time = Duration::from_millis(1_234);
        assert_eq!(parse(&header(time)), Some(time));
        assert_eq!(header(Duration::ZERO), "1m");
        assert!(parse(&header(Duration::MAX)).is_some());
    }

    #[test]
    fn a_deadline_holds_inside_its_scope_only() {
        let deadline = Instant::now() + Duration::from_secs(1);
        let inner = scope(None, async { current() });
        let outer = scope(Some(deadline), async { (inner.await, current()) });
        let poll = pin!(outer).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll, Poll::Ready((None, Some(deadline))));
        assert_eq!(current(), None);
    }
}
