//! The request for which the service is working.
//!
//! An instance runs on one thread. The service says for which request it works before it makes a call,
//! and a call reads it before it waits for the first time, so the two belong together.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use adapter_wire::MAX_ID;

/// A request: its ids and its deadline. An id that is missing is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// `x-request-id`
    pub(crate) request_id: String,
    /// `traceparent`
    pub(crate) traceparent: String,
    /// When its caller stops waiting, if the caller has said it.
    pub(crate) deadline: Option<Instant>,
}

thread_local! {
    static CURRENT: RefCell<Rc<Request>> = RefCell::default();
}

/// The next calls are made for this request.
pub(crate) fn enter(request_id: &str, traceparent: &str) {
    CURRENT.set(Rc::new(Request {
        request_id: valid(request_id),
        traceparent: valid(traceparent),
        deadline: None,
    }));
}

/// The caller of the request waits for so many milliseconds.
pub(crate) fn set_time_left(milliseconds: u32) {
    let deadline = Instant::now().checked_add(Duration::from_millis(milliseconds.into()));
    CURRENT.with_borrow_mut(|request| Rc::make_mut(request).deadline = deadline);
}

/// The request for which a call is made.
pub(crate) fn current() -> Rc<Request> {
    CURRENT.with_borrow(Rc::clone)
}

/// The id, or nothing if it could not be a header of a request.
fn valid(id: &str) -> String {
    let valid = id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
    if valid { id.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_that_of_the_request_entered_last() {
        enter("a", "");
        set_time_left(1_000);
        assert!(current().deadline.unwrap() > Instant::now());
        enter("b", "");
        assert!(current().deadline.is_none());
    }

    #[test]
    fn ids_that_are_not_headers_are_ignored() {
        enter("a-request", "00-1-2-01");
        assert_eq!(current().request_id, "a-request");
        assert_eq!(current().traceparent, "00-1-2-01");
        let long = "x".repeat(MAX_ID + 1);
        for invalid in ["", "a b", "a\r\nb: c", &long] {
            enter(invalid, invalid);
            assert!(current().request_id.is_empty(), "{invalid}");
            assert!(current().traceparent.is_empty(), "{invalid}");
        }
    }
}
